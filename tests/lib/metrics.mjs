// What a relay says of itself.
import { request } from './raw-http.mjs';

/** A page of metrics: `.text`, and the value of each sample by its name and labels. */
export async function scrape(port) {
  const answer = await request(port, '/metrics');
  if (answer.status !== 200) throw new Error(`no metrics but ${answer.status} ${answer.body}`);
  return new Page(answer.body.toString());
}

class Page {
  constructor(text) {
    this.text = text;
    this.samples = new Map();
    for (const line of text.split('\n')) {
      const sample = /^([^#].*) (\S+)$/.exec(line);
      if (sample) this.samples.set(sample[1], Number(sample[2]));
    }
  }

  /** One value: `page.value('fanfare_sessions', 'transport="polling"')`. */
  value(name, labels) {
    const sample = labels ? `${name}{${labels}}` : name;
    if (!this.samples.has(sample)) throw new Error(`no ${sample} in\n${this.text}`);
    return this.samples.get(sample);
  }

  /** Those of a name that are not 0, by the value of their last label; where it is said, of those `which` it is about. */
  by(name, which = /^/) {
    const isAsked = ([sample, value]) => sample.startsWith(`${name}{`) && value !== 0 && which.test(sample);
    const found = [...this.samples].filter(isAsked);
    return Object.fromEntries(found.map(([sample, value]) => [/"([^"]*)"}$/.exec(sample)[1], value]));
  }

  /** The sum over all labels. */
  sum(name) {
    return Object.values(this.by(name)).reduce((sum, value) => sum + value, 0);
  }
}
