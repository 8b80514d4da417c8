import { Argument, Option } from '@commander-js/extra-typings'
import { durationMs } from './values.ts'

/** The options of every write. */
export const dryRun = () => new Option('--dry-run', 'show what would come of it; change nothing')
export const wait = () =>
  new Option('--wait [timeout]', 'go on until it has taken effect, at most so long (default 60s)').argParser(durationMs)

export const reason = () => new Option('--reason <text>', 'why, for the peer page and the ledger').default('')
export const ttl = () =>
  new Option('--ttl <duration>', 'how long the invitation can be used: 1h to 30d (default 7d)').argParser(durationMs)
export const note = () => new Option('--note <text>', 'kept with the invitation, for example a ticket').default('')

export const peer = () => new Argument('<peer>', 'id, name or platform id')
export const invitation = () => new Argument('<invitation>', 'pni1.…, or - to read it from stdin')
