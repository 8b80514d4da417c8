import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { eitherOf, executor, type Executor, type Gate } from '@powernode/approvals'
import { epochOf } from '@powernode/feed'
import {
  RemoveRegionRequestSchema,
  RemoveResidencyRuleRequestSchema,
  SetDefaultModeRequestSchema,
  SetRegionRequestSchema,
  SetResidencyRuleRequestSchema,
} from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { Refusal, requestOf } from '@powernode/rpc'
import { POLICY_FEED } from '../feed/policy-part.ts'
import { setDefaults } from '../operations/residency/set-defaults.ts'
import { removeRegion, setRegion } from '../operations/residency/set-region.ts'
import { removeResidencyRule, setResidencyRule } from '../operations/residency/set-residency-rule.ts'
import type { By } from '../events/residency.ts'
import { modeFrom } from '../residency.ts'
import type { GrantTx, Tables } from '../store/tables.ts'
import { isUuid } from '../uuid.ts'
import { ruleFromWire } from '../wire-residency.ts'
import { actOrRehearse } from './door.ts'
import { enforce, type GrantDeps } from './grant-door.ts'

/**
 * What changes where the data of all peers may go falls under the policy of the tag: a region that is put into another
 * one, or a default that is lifted, loosens a tag as well as setting it anew.
 */
export const RESIDENCY = 'sdwan.federation_peer_data_residency'

type Said = { readonly by: By }

/** One change, as its RPC makes it and as it is made once it was approved. */
type RuleAct<Desc extends DescMessage, Result> = {
  readonly schema: Desc
  readonly summary: (request: MessageShape<Desc>) => string
  // oxlint-disable-next-line max-params -- a verb, with the request in its place
  readonly verb: (tx: GrantTx, now: Date, request: MessageShape<Desc>, said: Said) => Promise<Result>
}

const ruleAct = <Desc extends DescMessage, Result>(act: RuleAct<Desc, Result>): RuleAct<Desc, Result> => act

export const RULE_SET = ruleAct({
  schema: SetResidencyRuleRequestSchema,
  summary: ({ rule }) =>
    `data of class ${rule?.dataClass ?? ''} may go ${rule?.peerId ? `to peer ${rule.peerId} ` : ''}in ${(rule?.allowedRegions ?? []).join(', ')} only; mode: ${rule?.mode || 'as the peer’s'}${rule?.id ? `; in the place of rule ${rule.id}` : ''}`,
  // oxlint-disable-next-line max-params -- as its type above
  async verb(tx, now, { rule: said }, { by }) {
    if (!said) throw new Refusal('REQUEST_INVALID', 'rule: is missing')
    const rule = ruleFromWire(said)
    for (const id of [rule.id, rule.peerId ?? '']) {
      if (id !== '' && !isUuid(id)) throw new Refusal('REQUEST_INVALID', `${JSON.stringify(id)} is no id`)
    }
    return setResidencyRule(tx, now, { by, rule })
  },
})

export const RULE_REMOVED = ruleAct({
  schema: RemoveResidencyRuleRequestSchema,
  summary: ({ ruleId }) => `the residency rule ${ruleId} holds no longer`,
  // oxlint-disable-next-line max-params -- as its type above
  verb: (tx, now, { ruleId }, { by }) => removeResidencyRule(tx, now, { by, id: ruleId.toLowerCase() }),
})

export const REGION_SET = ruleAct({
  schema: SetRegionRequestSchema,
  summary: ({ name, parent }) =>
    parent ? `the region ${name} lies in ${parent}: what may go to ${parent} may go there` : `${name} is a region`,
  // oxlint-disable-next-line max-params -- as its type above
  verb: (tx, now, { name, parent }, { by }) =>
    setRegion(tx, now, { by, region: { name, parent: parent || undefined } }),
})

export const REGION_REMOVED = ruleAct({
  schema: RemoveRegionRequestSchema,
  summary: ({ name }) => `${name} is a region no longer`,
  // oxlint-disable-next-line max-params -- as its type above
  verb: (tx, now, { name }, { by }) => removeRegion(tx, now, { by, name }),
})

export const DEFAULTS_SET = ruleAct({
  schema: SetDefaultModeRequestSchema,
  summary: ({ mode, homeRegion }) =>
    `residency of peers without a tag: ${mode}${homeRegion === undefined ? '' : `; our own data is in ${homeRegion || 'no region that is known'}`}`,
  // oxlint-disable-next-line max-params -- as its type above
  verb(tx, now, { mode, homeRegion }, { by }) {
    const defaultMode = modeFrom(mode)
    if (defaultMode === '') throw new Refusal('REQUEST_INVALID', 'mode: is missing')
    return setDefaults(tx, now, { by, defaultMode, homeRegion })
  },
})

type Deps = Pick<GrantDeps, 'db' | 'clock' | 'policyFeed'> & { readonly gate: Gate }
type Request<Desc extends DescMessage> = MessageShape<Desc> & { readonly dryRun: boolean }

/** Makes a change, or has it approved first. What cannot be done is refused before anybody is asked to approve it. */
export async function changeRules<Desc extends DescMessage, Result, Shown>(
  deps: Deps,
  { context, request, act }: { context: HandlerContext; request: Request<Desc>; act: RuleAct<Desc, Result> },
  show: (result: Result, tx: GrantTx) => Promise<Shown>,
) {
  const doing = async (tx: GrantTx, now: Date) => show(await act.verb(tx, now, request, { by: requestOf(context) }), tx)
  await actOrRehearse(deps, true, doing)
  const { schema, summary } = act
  await deps.gate.pass(context, { action: RESIDENCY, schema, request, summary: summary(request) })
  return enforce(deps, { dryRun: request.dryRun, signal: context.signal }, doing)
}

/** How what was approved is carried out: by the verbs of the RPCs, and done when no gateway goes by what was before. */
export function ruleExecutor({ policyFeed }: Pick<GrantDeps, 'policyFeed'>): Executor<Tables> {
  const of = <Desc extends DescMessage, Result>({ schema, verb }: RuleAct<Desc, Result>): Executor<Tables> =>
    // oxlint-disable-next-line max-params -- a verb, with the request in its place
    executor(schema, async (tx, now, request, by) => {
      await verb(tx, now, request, { by })
      const epoch = await epochOf(tx, POLICY_FEED)
      return async (signal) => {
        if (epoch !== undefined) await policyFeed.enforced(epoch, signal)
      }
    })
  return eitherOf(of(RULE_SET), of(RULE_REMOVED), of(REGION_SET), of(REGION_REMOVED), of(DEFAULTS_SET))
}
