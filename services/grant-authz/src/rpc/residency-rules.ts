import type { ServiceImpl } from '@connectrpc/connect'
import type { ResidencyService } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { Refusal, requestOf } from '@powernode/rpc'
import { setDefaults } from '../operations/residency/set-defaults.ts'
import { removeRegion, setRegion } from '../operations/residency/set-region.ts'
import { removeResidencyRule, setResidencyRule } from '../operations/residency/set-residency-rule.ts'
import { modeFrom } from '../residency.ts'
import * as regions from '../store/regions.ts'
import * as rules from '../store/residency-rules.ts'
import type { GrantTx } from '../store/tables.ts'
import { isUuid } from '../uuid.ts'
import { regionToWire, ruleFromWire, rulesToWire, ruleToWire } from '../wire-residency.ts'
import { look } from './door.ts'
import { enforce, type GrantDeps } from './grant-door.ts'

type Handlers = Pick<
  ServiceImpl<typeof ResidencyService>,
  'getResidencyRules' | 'setResidencyRule' | 'removeResidencyRule' | 'setRegion' | 'removeRegion' | 'setDefaultMode'
>

/** What holds for all peers: rules, regions, the default. Any change may be the stricter word, so each is waited for. */
export const ruleHandlers = (deps: Pick<GrantDeps, 'db' | 'clock' | 'policyFeed'>): Handlers => ({
  getResidencyRules: () => look(deps, async (tx) => ({ rules: await everything(tx) })),

  async setResidencyRule({ rule: said, dryRun }, context) {
    if (!said) throw new Refusal('REQUEST_INVALID', 'rule: is missing')
    const rule = ruleFromWire(said)
    for (const id of [rule.id, rule.peerId ?? '']) {
      if (id !== '' && !isUuid(id)) throw new Refusal('REQUEST_INVALID', `${JSON.stringify(id)} is no id`)
    }
    const { result, ...enforcement } = await enforce(deps, { dryRun, signal: context.signal }, (tx, now) =>
      setResidencyRule(tx, now, { by: requestOf(context), rule }),
    )
    return { rule: ruleToWire(result), ...enforcement }
  },

  async removeResidencyRule({ ruleId, dryRun }, context) {
    const { result: _, ...enforcement } = await enforce(deps, { dryRun, signal: context.signal }, (tx, now) =>
      removeResidencyRule(tx, now, { by: requestOf(context), id: ruleId.toLowerCase() }),
    )
    return enforcement
  },

  async setRegion({ name, parent, dryRun }, context) {
    const region = { name, parent: parent || undefined }
    const { result, ...enforcement } = await enforce(deps, { dryRun, signal: context.signal }, (tx, now) =>
      setRegion(tx, now, { by: requestOf(context), region }),
    )
    return { region: regionToWire(result), ...enforcement }
  },

  async removeRegion({ name, dryRun }, context) {
    const { result: _, ...enforcement } = await enforce(deps, { dryRun, signal: context.signal }, (tx, now) =>
      removeRegion(tx, now, { by: requestOf(context), name }),
    )
    return enforcement
  },

  async setDefaultMode({ mode, homeRegion, dryRun }, context) {
    const defaultMode = modeFrom(mode)
    if (defaultMode === '') throw new Refusal('REQUEST_INVALID', 'mode: is missing')
    const { result, ...enforcement } = await enforce(deps, { dryRun, signal: context.signal }, async (tx, now) => {
      await setDefaults(tx, now, { by: requestOf(context), defaultMode, homeRegion })
      return everything(tx)
    })
    return { rules: result, ...enforcement }
  },
})

async function everything(tx: GrantTx) {
  const [settings, all, known] = [await rules.settings(tx), await rules.all(tx), await regions.all(tx)]
  return rulesToWire({ settings, rules: all, regions: [...known.values()] })
}
