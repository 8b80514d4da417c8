import type { Session } from '../session.ts'
import type { NameOf } from './kinds.ts'
import type { Intent } from './intent.ts'
import { loadIntent } from './load.ts'
import { textOf } from './text-of.ts'

const ID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/** What the service says, with the names of what it knows by ids only. */
export const namesIn = (text: string, nameOf: NameOf): string => text.replace(ID, (id) => nameOf(id))

/** Who is who in these texts: asked only where they name somebody by an id. */
export async function namesFor(session: Session, texts: readonly string[]): Promise<NameOf> {
  if (!texts.some((text) => text.search(ID) >= 0)) return (id) => id
  return (await loadIntent(session)).nameOf
}

/** The same, and nodes by the members that they are. */
export function nodeNames(intent: Intent): NameOf {
  const members = Map.groupBy(intent.ofKind('member'), ({ fields }) => textOf(fields['node_instance_id']))
  return (id) =>
    members
      .get(id)
      ?.map((member) => intent.nameOf(member.id))
      .join(', ') ?? intent.nameOf(id)
}
