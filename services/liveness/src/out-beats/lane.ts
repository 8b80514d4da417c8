/**
 * A bounded number of beats under way, and those that wait for one of them to end.
 *
 * Peers that fail have a lane of their own: each of their beats may take its whole deadline, and a few thousand dead
 * peers would otherwise keep the living ones from being beaten in time.
 */
export class Lane {
  readonly #limit: number
  #underway = 0
  #waiting: string[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  get underway(): number {
    return this.#underway
  }

  /** Takes a place for `peerId`, or remembers that it waits for one. */
  enter(peerId: string): boolean {
    if (this.#underway >= this.#limit) {
      this.#waiting.push(peerId)
      return false
    }
    this.#underway += 1
    return true
  }

  leave(): void {
    this.#underway -= 1
  }

  /** Those that waited and may ask again now, in the order they came. */
  takeWaiting(): readonly string[] {
    return this.#waiting.splice(0, Math.max(0, this.#limit - this.#underway))
  }
}
