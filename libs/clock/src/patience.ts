const MOST = 20

let times = 1

/**
 * How long to wait for somebody of our own platform before giving him up: `ms` on an ordinary machine, longer on one that is slow.
 *
 * For what is waited for between our own processes, their database and their bus: whoever gives up there too early has to begin anew, and
 * on a slow machine that is what takes the time of those he waits for. What a peer or an operator was promised, such as a lease or
 * the life of a token, MUST NOT be stretched by it.
 */
export const patient = (ms: number): number => ms * times

/** Says how many times as slow as others this machine is, 1 to 20: by the program that knows, before it opens anything. */
export function onSlowMachine(by: number): void {
  if (!(by >= 1 && by <= MOST)) throw new Error(`${by} is no number between 1 and ${MOST}: how many times as slow`)
  times = by
}
