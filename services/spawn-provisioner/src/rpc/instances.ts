import type { ServiceImpl } from '@connectrpc/connect'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { OrphanSchema } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import { create } from '@bufbuild/protobuf'
import type { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import type { Instance } from '../instance.ts'
import { nextFor } from '../orphan.ts'
import { lookAtInstance } from '../instances/look-at-instance.ts'
import type { Provider } from '../providers/provider.ts'
import { noteLook } from '../operations/note-look.ts'
import { reasonOf } from '../saga/failure.ts'
import { limited } from '../saga/limited.ts'
import * as children from '../store/children.ts'
import * as instances from '../store/instances.ts'
import * as orphans from '../store/orphans.ts'
import * as providers from '../store/providers.ts'
import { instanceToWire } from '../wire.ts'
import { act, afterPage, look, pageSize, pageToken, type RpcDeps } from './door.ts'

type Handlers = Pick<
  ServiceImpl<typeof SpawnService>,
  'listInstances' | 'getInstance' | 'restartInstance' | 'terminateInstance' | 'listOrphans'
>

const LOOK_MS = 15_000
const END_MS = 120_000

/** The machines themselves, and what runs that nobody needs. */
export const instanceHandlers = (deps: RpcDeps): Handlers => ({
  listInstances: (req) =>
    look(deps, async (tx) => {
      const limit = pageSize(req.pageSize)
      const provider = req.providerId === '' ? undefined : await providers.resolve(tx, req.providerId)
      const page = await instances.list(tx, {
        providerId: provider?.id,
        afterId: afterPage(req.pageToken),
        limit: limit + 1,
      })
      const last = page.length > limit ? page[limit - 1] : undefined
      return { instances: page.slice(0, limit).map(instanceToWire), nextPageToken: last ? pageToken(last.id) : '' }
    }),

  async getInstance(req, { signal }) {
    const instance = await look(deps, (tx) => instances.resolve(tx, req.instance))
    if (instance.state === 'gone' || instance.providerRef === '') return { instance: instanceToWire(instance) }
    const provider = await look(deps, (tx) => providers.resolve(tx, instance.providerId))
    const console = await lookAtInstance(deps, { provider, instance }, { ms: LOOK_MS, signal }).then(
      (seen) => [...seen.console],
      (error: Error) => [`its provider does not show it: ${reasonOf(error)}`], // the record stands all the same
    )
    return { instance: instanceToWire(instance), console }
  },

  async restartInstance(req, { signal }) {
    const instance = await look(deps, async (tx) => {
      const found = await instances.resolve(tx, req.instance)
      if (found.state === 'gone' || found.providerRef === '')
        throw new Refusal(
          'INSTANCE_NOT_FOUND',
          `there is no machine ${req.instance} to start again: it is ${found.state}`,
        )
      return found
    })
    if (!req.dryRun) {
      await withProvider(deps, instance, { ms: END_MS, signal }, (provider, until) =>
        provider.restart(instance.providerRef, until),
      )
      // What was seen of it before is over: whoever waits until it runs waits for this boot.
      const seen = { state: 'booting', progress: 'started again' } as const
      await act(deps, (tx, now) => noteLook(tx, now, { childId: instance.childId, seen }))
    }
    return { instance: instanceToWire(await look(deps, (tx) => instances.resolve(tx, instance.id))) }
  },

  async terminateInstance(req, { signal }) {
    const { record, ref, effects } = await look(deps, async (tx) => orphanNamed(tx, req.instance))
    if (req.dryRun) return { effects }
    const provider = deps.providers.of(record)
    const { clock } = deps
    await limited({ clock, ms: END_MS, what: `${record.name}: ending ${ref}` }, (until) => provider.terminate(ref, until), signal) // prettier-ignore
    await act(deps, (tx) => orphans.remove(tx, 'instance', ref))
    return { effects }
  },

  listOrphans: () =>
    look(deps, async (tx, now) => ({
      orphans: (await orphans.list(tx)).map(({ kind, name, providerId, missing, beganAt, foundAt }) =>
        create(OrphanSchema, {
          providerId: providerId ?? '',
          kind,
          name,
          foundAt: timestampFromDate(foundAt),
          ageSeconds: BigInt(Math.max(0, Math.floor((now.getTime() - beganAt.getTime()) / 1_000))),
          next: nextFor({ kind, name, missing }),
        }),
      ),
    })),
})

/** What may be ended here: what was found to be nobody's, by the name its provider has for it. */
async function orphanNamed(tx: Parameters<typeof orphans.list>[0], named: string) {
  const orphan = (await orphans.list(tx)).find(
    ({ kind, name, missing }) => kind === 'instance' && !missing && name === named,
  )
  if (orphan?.providerId) {
    const record = await providers.resolve(tx, orphan.providerId)
    return { record, ref: named, effects: [`the instance ${named} of ${record.name} is ended, with everything on it`] }
  }
  const instance = await instances.findNamed(tx, named)
  if (!instance) throw instances.notFound(named)
  const child = await children.find(tx, instance.childId)
  if (child && child.state !== 'gone')
    throw new Refusal('INSTANCE_IN_USE', `the instance belongs to the child ${child.hostname}`, {
      next: `fedctl child terminate ${child.hostname}`,
    })
  throw new Refusal('INSTANCE_NOT_FOUND', `the instance ${named} is gone: ${instance.reason}`)
}

async function withProvider<Answer>(
  deps: RpcDeps,
  instance: Instance,
  { ms, signal }: { readonly ms: number; readonly signal: AbortSignal },
  ask: (provider: Provider, signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const record = await look(deps, (tx) => providers.resolve(tx, instance.providerId))
  const provider = deps.providers.of(record)
  return limited({ clock: deps.clock, ms, what: record.name }, (until) => ask(provider, until), signal)
}
