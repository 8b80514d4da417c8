import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export const USAGE = `npm run demo [-- options]

  Starts two whole platforms, A and B, lets them become peers and use each other's resources, and stays up until Ctrl-C.

  --once        stop when all of it is done
  --json        print one JSON object as the last line of stdout; the progress goes to stderr
  --fresh       forget what an earlier demo left, and start over
  --data DIR    keep the data there instead of in .data
  --help        this text
`

export type DemoOptions = {
  readonly once: boolean
  readonly json: boolean
  readonly fresh: boolean
  readonly data: string
  readonly help: boolean
}

/** What was typed. Throws with a sentence for a person when it makes no sense. */
export function demoOptions(args: readonly string[], root: string): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      once: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      fresh: { type: 'boolean', default: false },
      data: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  return { ...values, data: values.data === undefined ? resolve(root, '.data') : resolve(values.data) }
}
