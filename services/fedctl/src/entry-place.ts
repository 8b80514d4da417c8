import { logIdOf } from './log-id.ts'
import { usage } from './problem.ts'
import type { Session } from './session.ts'

/** Which entry: by its id, wherever it stands, or by its place in one log. */
export type EntryPlace = { readonly id: string } | { readonly log: string; readonly sequence: bigint }

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const HOW = 'say b/17 (log and sequence), 17 --peer b, or the id of an event or a decision'

/** b/17, a bare 17 with --peer, or an id of an event or a decision, ours or the other side's. */
export async function entryPlace(session: Session, text: string, peer?: string): Promise<EntryPlace> {
  if (UUID.test(text)) return { id: text.toLowerCase() }
  const [, named = peer, digits] = /^(?:(.+)\/)?(\d{1,15})$/.exec(text) ?? []
  if (digits === undefined) throw usage(`"${text}" is no place of an entry`, HOW)
  if (named === undefined) throw usage(`entry ${text} of which log?`, HOW)
  return { log: await logIdOf(session, named), sequence: BigInt(digits) }
}
