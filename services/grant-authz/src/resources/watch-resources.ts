import type { Clock } from '@powernode/clock'
import type { Db } from '@powernode/postgres'
import { requireOwn, unknownKind } from '../kind.ts'
import type { Resource } from '../resource.ts'
import { act } from '../rpc/door.ts'
import * as kinds from '../store/kinds.ts'
import * as resources from '../store/resources.ts'
import type { GrantTx, Tables } from '../store/tables.ts'
import type { ResourceBell } from './resource-bell.ts'

export type WatchDeps = { readonly db: Db<Tables>; readonly clock: Clock; readonly bell: ResourceBell }

/** A record as it is now (or that it is gone, by its `removedAt`); or that all there was has been sent. */
export type Seen = { readonly resource: Resource } | 'snapshot sent'

const PAGE = 200
/** A bell may be out of order; and only so do we find out that another service has the kind by now. */
const SLOWEST_LOOK_MS = 30_000

/**
 * The records of a kind, page by page, then every change, until `signal` aborts. No more than a page is in memory.
 *
 * How far changes have come is read BEFORE the first page: what commits while pages are read is sent again as a change, so
 * nothing is missed; whoever listens keeps the highest revision. Ends with a refusal when the kind is not ours any more.
 */
export async function* watchResources(
  deps: WatchDeps,
  { kind, id }: { kind: string; id: string },
  signal: AbortSignal,
): AsyncGenerator<Seen> {
  const { bell, leave } = deps.bell.join(kind)
  try {
    let last = await act(deps, async (tx) => {
      await requireHeld(tx, kind)
      return resources.lastChange(tx)
    })
    yield* snapshot(deps, { kind, id }, signal)
    yield 'snapshot sent'
    while (!signal.aborted) {
      const page = await act(deps, async (tx) => {
        await requireHeld(tx, kind)
        return resources.changedAfter(tx, { kind, id, last, limit: PAGE })
      })
      for (const resource of page.resources) yield { resource }
      last = page.last
      if (!page.hasMore) await bell.wait(deps.clock, SLOWEST_LOOK_MS, signal)
    }
  } finally {
    leave()
  }
}

async function* snapshot(
  deps: WatchDeps,
  { kind, id }: { kind: string; id: string },
  signal: AbortSignal,
): AsyncGenerator<Seen> {
  if (id !== '') {
    const resource = await act(deps, (tx) => resources.find(tx, kind, id))
    if (resource) yield { resource }
    return
  }
  for (let last: { kind: string; id: string } | undefined; !signal.aborted;) {
    const said = { kind, last, limit: PAGE }
    const page = await act(deps, (tx) => resources.after(tx, said))
    for (const resource of page.resources) yield { resource }
    last = page.resources.at(-1)
    if (!page.hasMore) return
  }
}

async function requireHeld(tx: GrantTx, name: string): Promise<void> {
  const kind = await kinds.find(tx, name)
  if (!kind) throw unknownKind(name)
  requireOwn(kind)
}
