import { type Display } from '../display.ts'
import { type Platform } from '../platform.ts'
import { commandLine, fedctl, refusedCommand, typed, type Refused } from './fedctl.ts'

/** One call over the border, and what both sides wrote down about it. */
export type Crossing = {
  readonly name: string
  readonly allowed: boolean
  /** Of a refusal: what the other side said, and on which axis. */
  readonly reason: string
  readonly axis: string
  /** The id of B's decision, and of A's about the same call. */
  readonly decision_id: string
  readonly remote_decision_id: string
  /** Why, as each side explains it. */
  readonly explained?: { readonly here: string; readonly there: string }
}

/** Marks what this demo gives and sets, so that it takes back its own and nothing of an operator's. */
const DEMO = 'demo'
const KIND = 'NodeModule'
const REGION = 'eu'
const MODULES = [
  ['ntp', 'name=ntp', 'version=4.2.8', 'credentials=never-shown'],
  ['dns', 'name=dns', 'version=9.20.1', 'credentials=never-shown'],
] as const

/**
 * What a peer may do, from A's catalogue to B's screen and back to nothing: a grant, a call it does not cover, data that
 * may not leave, and the end of the grant.
 *
 * Each step is a command an operator could have typed. What an earlier demo left (it was stopped in the middle) is taken
 * back first; where an operator has set a residency tag of his own, it is left, and so is everything after it.
 */
export async function cross(a: Platform, b: Platform, display: Display, signal: AbortSignal): Promise<Crossing[]> {
  const { residencies } = await fedctl<Residencies>(a, ['residency', 'show', 'b'], signal)
  const tag = residencies.find(({ data_residency }) => data_residency !== '')
  if (tag && tag.reason !== DEMO) {
    display.print(`    an operator keeps what goes to B in ${tag.data_residency}: the demo leaves it at that`)
    return []
  }
  const steps = stepsOf(a, b, display, signal)
  await tidyUp(a, tag !== undefined, signal)

  for (const [id, ...fields] of MODULES)
    await steps.atA(`A has a module to show: ${id}`, [
      'resource',
      'put',
      KIND,
      id,
      ...fields.flatMap((field) => ['--set', field]),
    ])
  const lent = await steps.atA<Lent>('A lets B read its modules', [
    'grant',
    'create',
    'b',
    '--kind',
    KIND,
    '--scope',
    'read',
    '--subject',
    DEMO,
  ])
  const { grant, bearer } = lent

  const list = ['resource', 'list', '--peer', 'a', '--kind', KIND, '--grant', '-']
  const write = ['resource', 'update', KIND, 'ntp', '--peer', 'a', '--set', 'version=6.6.6', '--grant', '-']
  const read = await steps.allowedAtB("B reads A's modules", list, bearer)
  const written = await steps.refusedAtB('B may not change one', write, bearer)

  await steps.atA(`A keeps its data in ${REGION}`, ['residency', 'set', 'b', REGION, '--reason', DEMO])
  const outside = await steps.refusedAtB('B, who is elsewhere, reads nothing', list, bearer)
  await steps.atA('A takes the tag away again', ['residency', 'set', 'b', '--clear', '--reason', DEMO])
  const again = await steps.allowedAtB('B reads again', list, bearer)

  await steps.atA('A ends the grant', ['grant', 'revoke', grant.id, '--reason', DEMO])
  const over = await steps.refusedAtB('The very next call is refused', list, bearer)
  return [read, written, outside, again, over]
}

type Lent = { readonly grant: { readonly id: string }; readonly bearer: string }
type Residencies = { readonly residencies: readonly { readonly data_residency: string; readonly reason: string }[] }
type Grants = { readonly grants: readonly { readonly id: string; readonly remote_subject: string }[] }
type Listed = { readonly resources: readonly { readonly id: string }[]; readonly decision_id: string }
type Why = {
  readonly explanation: { readonly because: string }
  readonly decision: { readonly remote_decision_id: string }
}

/** Takes back what a demo before this one gave and did not come to end. */
async function tidyUp(a: Platform, hasTag: boolean, signal: AbortSignal): Promise<void> {
  if (hasTag) await fedctl(a, ['residency', 'set', 'b', '--clear', '--reason', DEMO], signal)
  const { grants } = await fedctl<Grants>(
    a,
    ['grant', 'list', '--peer', 'b', '--kind', KIND, '--status', 'active'],
    signal,
  )
  for (const { id, remote_subject } of grants)
    if (remote_subject === DEMO) await fedctl(a, ['grant', 'revoke', id, '--reason', DEMO], signal)
}

/** The ways a step can go; each shows what is typed, with the bearer cut short. */
function stepsOf(a: Platform, b: Platform, display: Display, signal: AbortSignal) {
  const show = (platform: Platform, args: readonly string[], bearer = '') =>
    `${commandLine(platform, args)}${bearer && ` <<< ${bearer.slice(0, 11)}…`}`

  const because = async (platform: Platform, decisionId: string): Promise<string> =>
    (await fedctl<Why>(platform, ['why', decisionId], signal)).explanation.because

  return {
    atA: <T>(name: string, args: readonly string[]): Promise<T> =>
      display.step(name, (say) => {
        say(show(a, args))
        return fedctl<T>(a, args, signal)
      }),

    allowedAtB: (name: string, args: readonly string[], bearer: string): Promise<Crossing> =>
      display.step(name, async (say) => {
        say(show(b, args, bearer))
        const { resources, decision_id: theirs } = await typed<Listed>(b, { args, input: bearer, signal })
        const seen = resources.map(({ id }) => id)
        const missing = MODULES.filter(([id]) => !seen.includes(id)).map(([id]) => id)
        if (missing.length > 0) throw new Error(`B does not see ${missing.join(', ')}`)
        return { name, allowed: true, reason: 'ALLOWED', axis: '', ...(await idsOf(b, theirs, signal)) }
      }),

    /** Refused, and explained by both sides: B's says what it was told, A's says all. */
    refusedAtB: async (name: string, args: readonly string[], bearer: string): Promise<Crossing> => {
      const crossing = await display.step(name, async (say) => {
        say(show(b, args, bearer))
        const refused = await refusedCommand(b, { args, input: bearer, signal })
        say(`${show(b, args, bearer)}: ${refused.metadata['peer_reason'] ?? refused.reason}`)
        return crossingOf(name, refused)
      })
      const { decision_id, remote_decision_id } = crossing
      const there = await display.step('A explains it', async (say) => {
        const said = await because(a, remote_decision_id)
        say(`${show(a, ['why', remote_decision_id])}: ${said}`)
        return said
      })
      return { ...crossing, explained: { here: await because(b, decision_id), there } }
    },
  }
}

function crossingOf(name: string, { reason, metadata }: Refused): Crossing {
  const { decision_id = '', remote_decision_id = '', peer_reason = reason, axis = '' } = metadata
  if (decision_id === '' || remote_decision_id === '')
    throw new Error(`${name}: ${reason}, and without the decisions about it`)
  return { name, allowed: false, reason: peer_reason, axis, decision_id, remote_decision_id }
}

/** An answer carries the other side's id; ours stands beside it in our own record. */
async function idsOf(b: Platform, decisionId: string, signal: AbortSignal) {
  const { decision } = await fedctl<Why & { decision: { id: string } }>(b, ['why', decisionId], signal)
  return { decision_id: decision.id, remote_decision_id: decision.remote_decision_id }
}
