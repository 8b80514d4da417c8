import { appendFileSync, readFileSync } from 'node:fs'

/** What is done to one grant. */
export type Deed = {
  readonly grant: string
  readonly does: 'issue' | 'check' | 'revoke'
  /** Through whom, for people who read it: gateway-1, grant-authz. */
  readonly by?: string
}

/**
 * What came of it. `done` and `refused` of issue and revoke: it took effect, or certainly never will. `allowed` and
 * `denied` of a check. `undecided`: a check by somebody who could not know (POLICY_STALE, unavailable); it says nothing.
 */
export type Answer = 'done' | 'refused' | 'allowed' | 'denied' | 'undecided'

/** One thing that happened. The order of the lines is the order of time. */
export type Line = ({ readonly invoke: number } & Deed) | { readonly return: number; readonly answer: Answer }

/**
 * Writes down what is asked of grants and what is answered, in the order in which it happens.
 *
 * MUST be one recorder for all callers of a test, in one process: a line is written synchronously before anything is
 * sent and after everything has come back, so a line that stands before another happened before it. What throws has an
 * outcome that nobody knows, and so has what never comes back: it stands in the history without an answer.
 */
export class History {
  readonly lines: Line[] = []
  readonly #file: string | undefined
  #number = 0

  /** With a file, each line is there before the deed goes on: what was recorded survives the recorder. */
  constructor(file?: string) {
    this.#file = file
  }

  async record<Given extends Answer>(deed: Deed, run: () => Promise<Given>): Promise<Given> {
    const number = ++this.#number
    this.#write({ invoke: number, ...deed })
    const answer = await run()
    this.#write({ return: number, answer })
    return answer
  }

  #write(line: Line): void {
    this.lines.push(line)
    if (this.#file !== undefined) appendFileSync(this.#file, `${JSON.stringify(line)}\n`)
  }
}

/** A history as it lies in a file: one JSON object a line; empty lines, and those that begin with #, are for people. */
export function readHistory(file: string | URL): Line[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => JSON.parse(line) as Line)
}
