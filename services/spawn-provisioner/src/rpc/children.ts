import type { ServiceImpl } from '@connectrpc/connect'
import { timestampFromDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import type {
  Child as WireChild,
  ChildState as WireState,
  SpawnStep,
} from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { within } from '@powernode/rpc'
import { SETTLED, type Child } from '../child.ts'
import * as children from '../store/children.ts'
import * as instances from '../store/instances.ts'
import { instanceToWire, MODES, STATES, wordOf } from '../wire.ts'
import { afterPage, look, pageSize, pageToken, type RpcDeps } from './door.ts'
import { allShown, shown } from './shown.ts'

type Handlers = Pick<ServiceImpl<typeof SpawnService>, 'getChild' | 'listChildren' | 'watchSpawn'>

/** What operators see of children. */
export const childHandlers = (deps: RpcDeps): Handlers => ({
  async getChild(req, context) {
    const found = await look(deps, async (tx) => {
      const child = await children.resolve(tx, req.child)
      const instance = await instances.find(tx, child.instanceId)
      return { wire: await shown(deps, tx, child), instance: instance && instanceToWire(instance) }
    })
    // A peer-registry that is away leaves the peer unsaid: the child itself is known.
    const asked = found.wire.peerId === '' ? undefined : deps.registry.getPeer({ peer: found.wire.peerId }, within(context)) // prettier-ignore
    const peer = (await asked?.catch(() => undefined))?.peer
    return { child: found.wire, ...(found.instance && { instance: found.instance }), ...(peer && { peer }) }
  },

  listChildren: (req) =>
    look(deps, async (tx) => {
      const limit = pageSize(req.pageSize)
      const page = await children.list(tx, {
        spawnMode: wordOf(MODES, req.spawnMode),
        states: req.states.flatMap((state) => wordOf(STATES, state) ?? []),
        afterId: afterPage(req.pageToken),
        limit: limit + 1,
      })
      const last = page.length > limit ? page[limit - 1] : undefined
      return {
        children: await allShown(deps, tx, page.slice(0, limit)),
        nextPageToken: last ? pageToken(last.id) : '',
      }
    }),

  async *watchSpawn({ child: named, follow }, { signal }) {
    const { news, clock } = deps
    const only = named === '' ? undefined : await look(deps, (tx) => children.resolve(tx, named))
    const said = new Map<string, WireChild>()
    for await (const _ of news.looks(clock, signal)) {
      const now = await look(deps, async (tx) => {
        const rows = only ? [await children.find(tx, only.id)] : await watched(tx, said)
        return allShown(
          deps,
          tx,
          rows.filter((row) => row !== undefined),
        )
      })
      for (const child of now) yield* newsOf(child, said)
      if (!follow && now.every(({ state }) => SETTLED_ON_WIRE.has(state))) return
    }
  },
})

const SETTLED_ON_WIRE: ReadonlySet<WireState> = new Set(SETTLED.map((state) => STATES[state]))

/** Every living child, and those that went while they were watched. */
async function watched(
  tx: Parameters<typeof children.living>[0],
  said: ReadonlyMap<string, unknown>,
): Promise<Child[]> {
  const living = await children.living(tx)
  const ids = new Set(living.map(({ id }) => id))
  const gone: Child[] = []
  for (const id of said.keys()) {
    const child = ids.has(id) ? undefined : await children.find(tx, id)
    if (child) gone.push(child)
  }
  return [...living, ...gone]
}

type News = { child: WireChild; step?: SpawnStep; at: Timestamp }

/** What is new of a child since it was last told: first of all how it stands, then each step that is another. */
function* newsOf(child: WireChild, said: Map<string, WireChild>): Generator<News> {
  const before = said.get(child.id)
  said.set(child.id, child)
  const at = child.updatedAt ?? timestampFromDate(new Date(0))
  if (!before) {
    yield { child, at }
    return
  }
  const changedSteps = child.steps.filter((step, index) => {
    const { status, attempts, detail } = before.steps[index] ?? {}
    return status !== step.status || attempts !== step.attempts || detail !== step.detail
  })
  for (const step of changedSteps) yield { child, step, at: step.finishedAt ?? at }
  if (changedSteps.length === 0 && before.revision !== child.revision) yield { child, at }
}
