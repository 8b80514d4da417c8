import type { ServiceImpl } from '@connectrpc/connect'
import type { GrantAuthzService, GrantSettings } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { personOf, Refusal } from '@powernode/rpc'
import { readCapability } from '../capability.ts'
import { removeCapability, setCapability } from '../operations/capabilities/set-capability.ts'
import { setSettings } from '../operations/settings/set-settings.ts'
import type { Settings } from '../settings.ts'
import * as capabilities from '../store/capabilities.ts'
import * as settings from '../store/settings.ts'
import { capabilityToWire, settingsToWire } from '../wire.ts'
import { actOrRehearse, look } from './door.ts'
import { causeOf, enforce, filterId, livePeerOf, msOf, type GrantDeps } from './grant-door.ts'
import { scopesFrom } from './grants.ts'

type Handlers = Pick<
  ServiceImpl<typeof GrantAuthzService>,
  'listCapabilities' | 'setCapability' | 'getGrantSettings' | 'setGrantSettings'
>

/** The list has no pages: there are a few rows for each peer. */
const MOST = 5_000

/** How resources travel, and what the platform gives by itself. */
export const capabilityHandlers = (deps: GrantDeps): Handlers => ({
  listCapabilities: ({ peerId }) =>
    look(deps, async (tx) => {
      const found = await capabilities.list(tx, filterId(peerId), MOST + 1)
      if (found.length > MOST)
        throw new Refusal('MESSAGE_TOO_LARGE', `there are more than ${MOST} of them`, { next: 'ask for one peer' })
      return { capabilities: found.map(capabilityToWire) }
    }),

  async setCapability({ capability: said, remove, dryRun }, context) {
    const cause = causeOf(context)
    const now = deps.clock.now()
    const capability = readCapability({
      peerId: filterId(said?.peerId ?? ''),
      resourceKind: said?.resourceKind ?? '',
      direction: said?.direction ?? '',
      policy: said?.policy ?? '',
      conflictResolution: said?.conflictResolution ?? '',
      filter: said?.filter ?? {},
      setBy: cause.actor,
      setAt: now,
    })
    if (!remove) await livePeerOf(deps, capability.peerId, context.signal)
    const verb = remove ? removeCapability : setCapability
    return actOrRehearse(deps, dryRun, async (tx, moment) => ({
      capability: capabilityToWire(await verb(tx, moment, { capability, cause })),
    }))
  },

  getGrantSettings: () => look(deps, async (tx) => ({ settings: settingsToWire(await settings.read(tx)) })),

  async setGrantSettings({ settings: said, dryRun }, context) {
    personOf(context, 'say how far operators and agents may go')
    if (!said) throw new Refusal('REQUEST_INVALID', 'say which settings')
    const wanted = settingsFrom(said)
    const { result } = await enforce(deps, { dryRun, signal: context.signal }, async (tx, now) => ({
      settings: settingsToWire(await setSettings(tx, now, wanted)),
    }))
    return result
  },
})

/** The whole of it: what is missing is a mistake, not a zero. */
function settingsFrom(said: GrantSettings): Settings {
  const given = (name: string, ms: number | undefined): number => {
    if (ms !== undefined) return ms
    throw new Refusal('REQUEST_INVALID', `${name} is missing: settings are replaced as a whole`, {
      metadata: { field: name },
    })
  }
  return {
    defaultTtlMs: given('default_ttl', msOf(said.defaultTtl)),
    managedChildTtlMs: given('managed_child_ttl', msOf(said.managedChildTtl)),
    longestTtlMs: given('longest_ttl', msOf(said.longestTtl)),
    strictAxes: said.strictAxes,
    remindBeforeMs: given('remind_before', msOf(said.remindBefore)),
    operatorGrant: said.operatorGrant,
    operatorGrantScopes: scopesFrom(said.operatorGrantScopes),
    revision: Number(said.revision),
  }
}
