import type { ServiceImpl } from '@connectrpc/connect'
import type { Gate } from '@powernode/approvals'
import type { ResidencyService } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import * as regions from '../store/regions.ts'
import * as rules from '../store/residency-rules.ts'
import type { GrantTx } from '../store/tables.ts'
import { regionToWire, rulesToWire, ruleToWire } from '../wire-residency.ts'
import { look } from './door.ts'
import type { GrantDeps } from './grant-door.ts'
import { changeRules, DEFAULTS_SET, REGION_REMOVED, REGION_SET, RULE_REMOVED, RULE_SET } from './residency-rule-acts.ts'

type Handlers = Pick<
  ServiceImpl<typeof ResidencyService>,
  'getResidencyRules' | 'setResidencyRule' | 'removeResidencyRule' | 'setRegion' | 'removeRegion' | 'setDefaultMode'
>
type Deps = Pick<GrantDeps, 'db' | 'clock' | 'policyFeed'> & { readonly gate: Gate }

/** What holds for all peers: rules, regions, the default. Any change may be the stricter word, so each is waited for. */
export const ruleHandlers = (deps: Deps): Handlers => ({
  getResidencyRules: () => look(deps, async (tx) => ({ rules: await everything(tx) })),

  async setResidencyRule(request, context) {
    const said = { request, context, act: RULE_SET }
    const { result, ...enforcement } = await changeRules(deps, said, async (rule) => ruleToWire(rule))
    return { rule: result, ...enforcement }
  },

  async removeResidencyRule(request, context) {
    const { enforcement } = await changeRules(deps, { request, context, act: RULE_REMOVED }, nothing)
    return enforcement ? { enforcement } : {}
  },

  async setRegion(request, context) {
    const said = { request, context, act: REGION_SET }
    const { result, ...enforcement } = await changeRules(deps, said, async (region) => regionToWire(region))
    return { region: result, ...enforcement }
  },

  async removeRegion(request, context) {
    const { enforcement } = await changeRules(deps, { request, context, act: REGION_REMOVED }, nothing)
    return enforcement ? { enforcement } : {}
  },

  async setDefaultMode(request, context) {
    const said = { request, context, act: DEFAULTS_SET }
    const { result, ...enforcement } = await changeRules(deps, said, (_, tx) => everything(tx))
    return { rules: result, ...enforcement }
  },
})

const nothing = async (): Promise<void> => {}

async function everything(tx: GrantTx) {
  const [settings, all, known] = [await rules.settings(tx), await rules.all(tx), await regions.all(tx)]
  return rulesToWire({ settings, rules: all, regions: [...known.values()] })
}
