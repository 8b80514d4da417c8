import { explain } from '../../../services/sdwan-compiler/src/model/explain.ts'
import { Model } from '../../../services/sdwan-compiler/src/model/model.ts'
import { eventually } from '../../eventually.ts'
import { callsFrom } from './calls-from.ts'
import { INSIDE, ownInside, type Place, type Tenants } from './tenants.ts'

const CALL_MS = 15_000
const SILENCE_MS = 4_000
const PATIENCE_MS = 240_000

/** Who asks for what: a member of a tenant, from its own address. */
export type Question = readonly [place: Place, at: number, address: string, port: number]

export type Asked = {
  readonly question: string
  /** The name of who answered. */
  readonly answer?: string | undefined
  readonly reachable: boolean
  readonly verdict: string
}

/** What each tenant has inside, and all that is the other's. */
export function questionsOf(world: Tenants): readonly Question[] {
  const held = (at: number): string => (world.tenants[at]?.virtualIp.cidr ?? '').replace('/128', '')
  const inside = [0, 1].map((at): Question => ['hub', at, `${INSIDE}9`, 443])
  const across = (from: number): Question[] => {
    const to = 1 - from
    const there = [`${ownInside(to)}9`, held(to), world.address('hub', to), world.address('spoke', to)]
    const places = ['hub', 'spoke'] as const
    return places.flatMap((place) => there.flatMap((each) => [443, 444].map((port): Question => [place, from, each, port]))) // prettier-ignore
  }
  return [...inside, ...across(0), ...across(1)]
}

/** Each by a connection, and by the model of what the agents have applied. */
export async function asked(world: Tenants, questions: readonly Question[]): Promise<readonly Asked[]> {
  const model = new Model(world.compiled)
  const rooms = [...Map.groupBy(questions, ([place, at]) => `${place} ${at}`).values()]
  const answers = await Promise.all(rooms.map((of) => answersTo(world, of, SILENCE_MS)))
  const byQuestion = new Map(rooms.flatMap((of, room) => of.map((question, at) => [question, answers[room]?.[at]])))
  return questions.map((question) => {
    const [place, at, dst, port] = question
    const said = explain(model, { src: `${place}-${at}`, dst, protocol: 'tcp', port })
    if ('unknown' in said) throw new Error(said.unknown)
    const { reachable, verdict } = said
    return { question: question.join(' '), answer: byQuestion.get(question), reachable, verdict }
  })
}

export async function untilReached(world: Tenants, question: Question): Promise<void> {
  await eventually(() => answersTo(world, [question], CALL_MS), ([answer]) => answer !== undefined, PATIENCE_MS) // prettier-ignore
}

export async function untilSilent(world: Tenants, question: Question): Promise<void> {
  await eventually(() => answersTo(world, [question], SILENCE_MS), ([answer]) => answer === undefined, PATIENCE_MS) // prettier-ignore
}

/** What those of one place are told. */
function answersTo(
  world: Tenants,
  questions: readonly Question[],
  timeoutMs: number,
): Promise<readonly (string | undefined)[]> {
  const [[place, at] = ['hub', 0] as const] = questions
  const calls = questions.map(([, , address, port]) => ({ address, port }))
  return callsFrom(world.room(place, at), world.address(place, at), { calls, timeoutMs })
}
