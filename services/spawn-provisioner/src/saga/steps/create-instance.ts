import { inTransaction } from '@powernode/postgres'
import type { Spawn } from '../../operations/read-spawn.ts'
import { tell } from '../../operations/tell.ts'
import type { Wanted } from '../../providers/provider.ts'
import * as children from '../../store/children.ts'
import * as providers from '../../store/providers.ts'
import { isProposed, peerOf, rotate } from '../boot-invitation.ts'
import { limited } from '../limited.ts'
import { payloadOf } from '../payload.ts'
import type { Performer, SagaDeps } from '../performer.ts'

const READY_MS = 30_000
const LIST_MS = 60_000
const TERMINATE_MS = 120_000

/** The machine, made by its provider, with the payload that tells it whose child it is. */
export const createInstance: Performer = {
  async perform(deps, spawn, signal) {
    const { child, provider: record, instance } = spawn
    if (instance.providerRef !== '') return { detail: `instance ${instance.providerRef}` }
    const provider = deps.providers.of(record)
    const peer = await peerOf(deps, child, signal)
    if (!isProposed(peer)) return found(deps, spawn, signal)
    await beReady(deps, spawn, signal)
    const held = deps.tokens.held(child.id)
    const { token } = held === undefined ? await rotate(deps, child, { signal }) : { token: held }
    deps.tokens.put(child.id, token)
    const payload = payloadOf(spawn, await deps.registry.getPlatform({}, { signal }), token)
    const ms = Math.max(1_000, child.bootDeadline.getTime() - deps.clock.now().getTime())
    const { clock } = deps
    const { ref } = await limited({ clock, ms, what: `${record.name}: making the instance` }, (until) => provider.create(wantedOf(spawn), payload, until), signal) // prettier-ignore
    // A try before this one, of whoever had the token that is dead now, may have made it with that.
    if (held === undefined || spawn.steps.some(({ name, attempts }) => name === 'create_instance' && attempts > 1))
      await limited({ clock, ms: TERMINATE_MS, what: `${record.name}: its payload` }, (until) => provider.stamp(ref, payload, until), signal) // prettier-ignore
    deps.tokens.forget(child.id)
    return { detail: `${record.name} made the instance ${ref}`, providerRef: ref }
  },

  async undo(deps, spawn, signal) {
    const { provider: record, child, instance } = spawn
    const provider = deps.providers.of(record)
    const { clock } = deps
    // What a crash kept us from writing down bears our mark at the provider.
    const marked = await limited({ clock, ms: LIST_MS, what: `${record.name}: its list` }, (until) => provider.list(until), signal) // prettier-ignore
    const refs = new Set(marked.flatMap(({ ref, instanceId }) => (instanceId === child.instanceId ? [ref] : [])))
    if (instance.providerRef !== '') refs.add(instance.providerRef)
    for (const ref of refs)
      await limited({ clock, ms: TERMINATE_MS, what: `${record.name}: ending ${ref}` }, (until) => provider.terminate(ref, until), signal) // prettier-ignore
    return refs.size === 0 ? 'there was no instance' : `the instance ${[...refs].join(', ')} is ended`
  },
}

/** Asks whether it can be made now; the first time that it cannot is told. */
async function beReady(deps: SagaDeps, { child, provider: record, steps }: Spawn, signal: AbortSignal): Promise<void> {
  const { clock, db, providers: open } = deps
  const ask = (until: AbortSignal) => open.of(record).ready(until)
  const why = await limited({ clock, ms: READY_MS, what: `${record.name}: whether it is ready` }, ask, signal)
  const isFirst = steps.some(({ name, attempts }) => name === 'create_instance' && attempts <= 1)
  await inTransaction(db, async (tx) => {
    await providers.noteStatus(tx, record.id, why ?? 'ready')
    if (why === undefined || !isFirst) return
    const held = await children.lock(tx, child.id)
    await tell(tx, 'provider_unready', { child: held, at: clock.now(), reason: why })
  })
  if (why !== undefined) throw new Error(`${record.name} cannot make instances now: ${why}`)
}

/** It has spoken already, though nobody wrote down that it was made. */
async function found({ providers: open, clock }: SagaDeps, { provider: record, child }: Spawn, signal: AbortSignal) {
  const list = (until: AbortSignal) => open.of(record).list(until)
  const all = await limited({ clock, ms: LIST_MS, what: `${record.name}: its list` }, list, signal)
  const ours = all.find(({ instanceId }) => instanceId === child.instanceId)
  // Booted by hand, with the token that was shown: there is nothing of ours to look after.
  return ours
    ? { detail: `${record.name} had made the instance ${ours.ref}`, providerRef: ours.ref }
    : { detail: 'somebody else booted the machine' }
}

const wantedOf = ({ child, region, type, template }: Spawn): Wanted => ({
  instanceId: child.instanceId,
  hostname: child.hostname,
  region: region.name,
  cpus: type.cpus,
  memoryBytes: type.memoryBytes,
  diskBytes: type.diskBytes,
  template: template.spec,
})
