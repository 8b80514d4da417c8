import { inspect } from 'node:util'

const REDACTED = '[redacted]'

/**
 * A value that must not be seen: a password, a token, a key.
 *
 * Only `reveal` gives it away. Whatever prints, logs, joins or serializes it gets `[redacted]`.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The value itself. Call it at the last moment, as an argument, and never keep the result. */
  reveal(): string {
    return this.#value
  }

  toJSON(): string {
    return REDACTED
  }

  toString(): string {
    return REDACTED
  }

  [inspect.custom](): string {
    return REDACTED
  }
}
