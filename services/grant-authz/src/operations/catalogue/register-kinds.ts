import { registered, unknownKind } from '../../kind.ts'
import * as kinds from '../../store/kinds.ts'
import type { GrantTx } from '../../store/tables.ts'

/** A service serves these kinds, at this address, until its lease runs out. All of them, or none. */
export async function registerKinds(
  tx: GrantTx,
  now: Date,
  { names, service, address }: { names: readonly string[]; service: string; address: string },
): Promise<void> {
  await kinds.lock(tx)
  for (const name of names) {
    const known = await kinds.find(tx, name)
    if (!known) throw unknownKind(name)
    const server = registered(known, { service, address }, now)
    if (server !== known.server) await kinds.saveServer(tx, name, server)
  }
}

/** Services that have not said again that they serve a kind no longer do; nobody does then. Returns which kinds. */
export async function endLeases(tx: GrantTx, now: Date): Promise<readonly string[]> {
  const next = await kinds.nextEnd(tx)
  if (!next || next > now) return []
  await kinds.lock(tx)
  return kinds.endLeases(tx, now)
}
