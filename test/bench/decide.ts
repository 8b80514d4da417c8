import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { fromBinary } from '@bufbuild/protobuf'
import { decide, PolicyTable, type AccessRequest } from '@powernode/policy'
import { PolicyPageSchema } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import { askCasbin, askCedar, type Ask } from './decide-others.ts'
import { AT_MS, pagesOf, PEERS, questionOf } from './decide-questions.ts'
import { median, quantile, rounded, say, type Report } from './report.ts'

const MANY = 1_000_000
/** What the others are asked about; of ours there is a figure for this number too. */
const FEW = 10_000
const RUNS = 5
const QUESTIONS = 100_000
const QUESTIONS_TO_OTHERS = 5_000
const LIMIT_US = { p50: 5, p99: 50 }

/**
 * How long a decision takes with a million grants of ten thousand peers in memory, how long they take to load from the
 * messages of the feed, and what they weigh; beside Cedar and casbin, asked the same questions in the same run.
 */
export async function run(): Promise<Report> {
  const few = load(FEW)
  const others = { cedar: askCedar(few.table), casbin: await askCasbin(few.table) }
  const fewQuestions = Array.from({ length: QUESTIONS_TO_OTHERS }, (_, index) => questionOf(index, FEW))
  const answers = ask(ours(few.table), fewQuestions).answers
  const measuredFew = turns({ ours: ours(few.table), ...others }, fewQuestions, answers)

  const many = load(MANY)
  say(`${MANY} grants loaded in ${many.seconds.toFixed(2)} s, ${many.mib} MiB`)
  const questions = Array.from({ length: QUESTIONS }, (_, index) => questionOf(index, MANY))
  const measured = turns({ ours: ours(many.table) }, questions, ask(ours(many.table), questions).answers).ours
  const p50 = median(measured.map(({ waits }) => quantile(waits, 0.5)))
  const p99 = median(measured.map(({ waits }) => quantile(waits, 0.99)))
  return {
    bench: 'decide',
    unit: 'µs, p50',
    ours: rounded(p50),
    limit: LIMIT_US.p50,
    ratio: rounded(p50 / LIMIT_US.p50, 3),
    p50_ms: rounded(p50 / 1000, 5),
    p99_ms: rounded(p99 / 1000, 5),
    runs: measured.map(({ waits }) => rounded(quantile(waits, 0.5))),
    p99_us: rounded(p99),
    p99_limit_us: LIMIT_US.p99,
    grants: MANY,
    peers: PEERS,
    load_s: rounded(many.seconds),
    load_cpu_s: rounded(many.cpuSeconds),
    table_mib: many.mib,
    rss_mib: many.rssMib,
    highest_rss_mib: Math.round(process.resourceUsage().maxRSS / 1024),
    by_reason_p50_us: byReason(many.table, questions),
    // They are asked about fewer grants, and are told which grant is meant: with grants as policies they would walk all.
    beside: {
      grants: FEW,
      same_answers: QUESTIONS_TO_OTHERS,
      allowed: rounded(answers.filter(Boolean).length / answers.length),
      ours_us: figures(measuredFew.ours),
      cedar_wasm_us: figures(measuredFew.cedar),
      casbin_us: figures(measuredFew.casbin),
    },
  }
}

type Measured = { readonly answers: readonly boolean[]; readonly waits: readonly number[] }

const ours =
  (table: PolicyTable): Ask =>
  (request) =>
    decide(table, request, AT_MS).allowed

/** From bytes, as they come from the network, to a table that answers. */
function load(grants: number): {
  table: PolicyTable
  seconds: number
  cpuSeconds: number
  mib: number
  rssMib: number
} {
  const before = weighed()
  const table = new PolicyTable()
  let [ms, cpuUs] = [0, 0]
  table.begin(true)
  for (const bytes of pagesOf(grants)) {
    const [startedAt, cpu] = [performance.now(), process.cpuUsage()]
    table.apply(fromBinary(PolicyPageSchema, bytes))
    const { user, system } = process.cpuUsage(cpu)
    ms += performance.now() - startedAt
    cpuUs += user + system
  }
  table.position(1n)
  if (table.size !== grants) throw new Error(`${table.size} grants in force, not ${grants}`)
  const after = weighed()
  return { table, seconds: ms / 1000, cpuSeconds: cpuUs / 1e6, mib: after.held - before.held, rssMib: after.rss }
}

/** What is in use after everything that is not has been collected, in MiB. */
function weighed(): { held: number; rss: number } {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void // V8 puts it into contexts made from now on
  collect()
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  return { held: Math.round((heapUsed + arrayBuffers) / 2 ** 20), rss: Math.round(rss / 2 ** 20) }
}

/** Each in turn and all again, so that a busy moment of the machine hits all of them. Waits are in µs. */
function turns<Name extends string>(
  asks: Readonly<Record<Name, Ask>>,
  questions: readonly AccessRequest[],
  expected: readonly boolean[],
): Record<Name, Measured[]> {
  const names = Object.keys(asks) as Name[] // the keys of what we were given
  const measured = Object.fromEntries(names.map((name) => [name, [] as Measured[]])) as Record<Name, Measured[]>
  for (const name of names) ask(asks[name], questions)
  for (let run = 1; run <= RUNS; run++) {
    for (const name of names) {
      const one = ask(asks[name], questions)
      const different = one.answers.findIndex((answer, index) => answer !== expected[index])
      if (different >= 0) throw new Error(`${name} answers otherwise: ${JSON.stringify(questions[different])}`)
      measured[name].push(one)
    }
    say(`run ${run}: ${names.map((name) => `${name} ${quantile(measured[name].at(-1)?.waits ?? [], 0.5).toFixed(2)} µs`).join(', ')}`) // prettier-ignore
  }
  return measured
}

function ask(one: Ask, questions: readonly AccessRequest[]): Measured {
  const [answers, waits]: [boolean[], number[]] = [[], []]
  for (const question of questions) {
    const askedAt = performance.now()
    const answer = one(question)
    waits.push((performance.now() - askedAt) * 1000)
    answers.push(answer)
  }
  return { answers, waits }
}

const figures = (measured: readonly Measured[]): { p50: number; p99: number } => ({
  p50: rounded(median(measured.map(({ waits }) => quantile(waits, 0.5)))),
  p99: rounded(median(measured.map(({ waits }) => quantile(waits, 0.99)))),
})

/** What a caller could tell by his watch: unknown and revoked should be alike. */
function byReason(table: PolicyTable, questions: readonly AccessRequest[]): Record<string, number> {
  const waits = new Map<string, number[]>()
  for (const question of questions) {
    const askedAt = performance.now()
    const { reason } = decide(table, question, AT_MS)
    const us = (performance.now() - askedAt) * 1000
    waits.set(reason, [...(waits.get(reason)?.slice(-5_000) ?? []), us])
  }
  return Object.fromEntries(Array.from(waits, ([reason, some]) => [reason, rounded(median(some))]))
}
