// Plays rows of the table with a relay, keeping one relay per profile.
import { Conversation } from './conversation.mjs';
import { profiles } from './profiles.mjs';

export class Player {
  #relays = new Map();

  /** @param start starts a relay: `startRelay` or `startReference` */
  constructor(start) {
    this.start = start;
  }

  /** Gives the row's transcript, also when the talk broke off: then its last line says why. */
  async play({ play, profile = 'plain', ownRelay }) {
    const relay = ownRelay ? await this.start(profiles[profile]) : await this.#relay(profile);
    const conversation = new Conversation(relay);
    try {
      await play(conversation);
    } catch (error) {
      conversation.note(`broke off: ${error.message}`);
      // A relay that ended under its peer's hands is the finding; its last words belong beside it.
      if (relay.child.exitCode !== null) conversation.note(`the ${relay.kind} has ended: ${relay.log.slice(-1000)}`);
    } finally {
      conversation.end();
      if (ownRelay) await relay.kill();
    }
    return conversation.transcript;
  }

  async end() {
    for (const relay of this.#relays.values()) await (await relay).kill();
  }

  #relay(profile) {
    if (!this.#relays.has(profile)) this.#relays.set(profile, this.start(profiles[profile]));
    return this.#relays.get(profile);
  }
}
