/**
 * The tokens of invitations that no machine holds yet. In memory and nowhere else: one that is lost with the process is
 * replaced by another, never looked up.
 */
export class Tokens {
  readonly #held = new Map<string, string>()
  readonly #shown = new Map<string, PromiseWithResolvers<string>>()

  /** Keeps the token for the machine, and shows it to whoever waits for it. */
  put(childId: string, token: string): void {
    this.#held.set(childId, token)
    this.#shown.get(childId)?.resolve(token)
    this.#shown.delete(childId)
  }

  /** What a machine is to be handed, or undefined: it was never made here, or a machine has it. */
  held(childId: string): string | undefined {
    return this.#held.get(childId)
  }

  /** The machine has it, or nobody may have it any more. */
  forget(childId: string): void {
    this.#held.delete(childId)
  }

  /** The token, for whoever asked for the child: once, when it is made. Rejects when it is not to be. */
  expect(childId: string): Promise<string> {
    const waiting = Promise.withResolvers<string>()
    waiting.promise.catch(() => undefined) // whoever asked may have gone
    this.#shown.set(childId, waiting)
    return waiting.promise
  }

  /** There will be none. */
  refuse(childId: string, why: Error): void {
    this.forget(childId)
    this.#shown.get(childId)?.reject(why)
    this.#shown.delete(childId)
  }

  toJSON(): string {
    return '[redacted]'
  }
}
