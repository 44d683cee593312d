// The reference parses a payload and writes it anew; the relay passes it as it came. So the JSON of an event is
// compared by what it means: a JavaScript client cannot tell the difference.

const packet = /^← ([2-6]?\d(?:\d+-)?(?:\/[^,]*,)?\d*)([[{].*)$/s;

/** A line of a transcript with the JSON of its packet in one writing. */
export function sameMeaning(line) {
  const [, head, json] = packet.exec(line) ?? [];
  if (json === undefined) return line;
  try {
    return `← ${head}${JSON.stringify(JSON.parse(json))}`;
  } catch {
    return line; // no JSON: then the bytes count
  }
}
