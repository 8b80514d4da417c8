import { refusalOf } from '@powernode/rpc'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { APPROVAL_TTL_MS, type Approval, type ApprovalState } from '../../approval.ts'
import * as approvals from '../../store/approvals.ts'
import { after, HOUR, OWNER, startApprovals, type Approvals } from '../../testing/approvals.ts'
import { rejectApproval } from './decide-approval.ts'
import { reportExecution } from './report-execution.ts'
import { setAutonomy } from './set-policy.ts'
import { timeOutApprovals } from './time-out-approvals.ts'

/** Approvals as an operator would tell of them: a few words for each, and no database. */
type Told = {
  readonly by: string
  readonly why: string
  readonly asked: number
  readonly needed: number
  state: ApprovalState
  yes: Set<string>
  no: Set<string>
}
type Model = { now: number; needed: number; blocked: boolean; halted: boolean; readonly all: Told[] }
type Real = { readonly at: Approvals; readonly ids: string[] }

const PEOPLE = ['alice', 'bob', 'carol']
const REQUESTERS = ['robot', 'vera', 'alice']
const NEVER = 'no such approval'

/** Whatever the model says must be: an outcome, or the reason of a refusal. */
async function outcome(doing: Promise<unknown>): Promise<string> {
  return doing.then(
    () => 'done',
    (error: unknown) => refusalOf(error)?.reason ?? String(error),
  )
}

class Ask implements fc.AsyncCommand<Model, Real> {
  readonly by: string
  readonly why: string
  constructor(by: string, why: string) {
    this.by = by
    this.why = why
  }
  check = () => true
  toString = () => `${this.by} asks for ${this.why}`
  async run(model: Model, { at, ids }: Real) {
    const { by, why } = this
    const said = at.ask(by, { why, at: after(model.now) })
    if (model.blocked) return expect(await outcome(said)).toBe('ACTION_BLOCKED')
    if (model.halted && by === 'robot') return expect(await outcome(said)).toBe('AUTONOMY_HALTED')
    const answer = await said
    if (by === 'alice' && model.needed === 1) return expect(answer.proceed).toBe(true)
    if (answer.proceed) throw new Error('it has to wait')
    const before = model.all.find((one) => one.by === by && one.why === why && one.state === 'pending')
    if (before && isOver(before, model.now)) before.state = 'timed_out'
    let told = model.all.find((one) => one.by === by && one.why === why && one.state === 'pending')
    if (!told) {
      told = { by, why, asked: model.now, needed: model.needed, state: 'pending', yes: new Set(), no: new Set() }
      model.all.push(told)
      ids.push(answer.approval.id)
    }
    if (by === 'alice') vote(told, by)
    expect(ids[model.all.indexOf(told)]).toBe(answer.approval.id)
    return agree(model, { at, ids })
  }
}

class Approve implements fc.AsyncCommand<Model, Real> {
  readonly by: string
  readonly which: number
  constructor(by: string, which: number) {
    this.by = by
    this.which = which
  }
  check = ({ all }: Readonly<Model>) => all.length > 0
  toString = () => `${this.by} approves ${this.which}`
  async run(model: Model, real: Real) {
    const [told, approval] = await pick(model, real, this.which)
    const came = await real.at.approve(approval, this.by, after(model.now)).then(({ inTime }) => (inTime ? 'done' : 'late'), (error: unknown) => refusalOf(error)?.reason ?? String(error)) // prettier-ignore
    const isDue = isOver(told, model.now)
    if (told.by === this.by) expect(came).toBe('APPROVAL_OWN_REQUEST')
    else if (told.yes.has(this.by)) expect(came).toBe('done')
    else if (isDue) {
      expect(came).toBe('late')
      told.state = 'timed_out'
    } else if (told.state !== 'pending') expect(came).toBe('APPROVAL_OVER')
    else if (model.blocked) expect(came).toBe('ACTION_BLOCKED')
    else {
      expect(came).toBe('done')
      vote(told, this.by)
    }
    await agree(model, real)
  }
}

class Reject implements fc.AsyncCommand<Model, Real> {
  readonly by: string
  readonly which: number
  constructor(by: string, which: number) {
    this.by = by
    this.which = which
  }
  check = ({ all }: Readonly<Model>) => all.length > 0
  toString = () => `${this.by} rejects ${this.which}`
  async run(model: Model, real: Real) {
    const [told, { id: approvalId }] = await pick(model, real, this.which)
    const said = { approvalId, by: `operator/${this.by}`, reason: '' }
    const came = await outcome(real.at.act((tx) => rejectApproval(tx, after(model.now), said)))
    const isDue = isOver(told, model.now)
    if (told.no.has(this.by)) expect(came).toBe('done')
    else if (isDue) told.state = 'timed_out'
    else if (told.state !== 'pending') expect(came).toBe('APPROVAL_OVER')
    else {
      told.state = 'rejected'
      told.no.add(this.by)
    }
    await agree(model, real)
  }
}

class Report implements fc.AsyncCommand<Model, Real> {
  readonly succeeds: boolean
  readonly which: number
  constructor(succeeds: boolean, which: number) {
    this.succeeds = succeeds
    this.which = which
  }
  check = ({ all }: Readonly<Model>) => all.length > 0
  toString = () => `the owner says of ${this.which} that it ${this.succeeds ? 'was done' : 'failed'}`
  async run(model: Model, real: Real) {
    const [told, { id: approvalId }] = await pick(model, real, this.which)
    const failure = this.succeeds ? undefined : { reason: 'PEER_NOT_FOUND', message: 'gone' }
    const came = await outcome(
      real.at.act((tx) => reportExecution(tx, after(model.now), { approvalId, owner: OWNER, failure })),
    )
    const next = this.succeeds ? 'executed' : 'failed'
    expect(came).toBe(told.state === 'approved' || told.state === next ? 'done' : 'APPROVAL_OVER')
    if (told.state === 'approved') told.state = next
    await agree(model, real)
  }
}

class Pass implements fc.AsyncCommand<Model, Real> {
  readonly ms: number
  constructor(ms: number) {
    this.ms = ms
  }
  check = () => true
  toString = () => `${this.ms / HOUR} hours pass`
  async run(model: Model, real: Real) {
    model.now += this.ms
    await real.at.act((tx) => timeOutApprovals(tx, after(model.now)))
    for (const told of model.all) if (isOver(told, model.now)) told.state = 'timed_out'
    for (const told of model.all)
      if (told.state === 'pending') expect(model.now).toBeLessThan(told.asked + APPROVAL_TTL_MS)
    await agree(model, real)
  }
}

/** Time that passes without anybody having looked. */
class Sleep extends Pass {
  override toString = () => `${this.ms / HOUR} hours pass unseen`
  override async run(model: Model) {
    model.now += this.ms
  }
}

class SetPolicy implements fc.AsyncCommand<Model, Real> {
  readonly verb: 'require_approval' | 'blocked'
  readonly needed: number
  constructor(verb: 'require_approval' | 'blocked', needed: number) {
    this.verb = verb
    this.needed = needed
  }
  check = () => true
  toString = () => `the policy becomes ${this.verb} by ${this.needed}`
  async run(model: Model, { at }: Real) {
    await at.policy(this.verb, this.needed)
    model.blocked = this.verb === 'blocked'
    model.needed = this.needed
  }
}

class Halt implements fc.AsyncCommand<Model, Real> {
  readonly halted: boolean
  constructor(halted: boolean) {
    this.halted = halted
  }
  check = () => true
  toString = () => (this.halted ? 'agents are halted' : 'agents may act again')
  async run(model: Model, real: Real) {
    const by = { actor: 'operator/alice', requestId: 'request-9', traceparent: '' }
    await real.at.act((tx) => setAutonomy(tx, after(model.now), { by, halted: this.halted, reason: 'smoke' }))
    model.halted = this.halted
    await agree(model, real)
  }
}

function vote(told: Told, by: string): void {
  if (told.state !== 'pending') return
  told.yes.add(by)
  if (told.yes.size >= told.needed) told.state = 'approved'
}

const isOver = ({ state, asked }: Told, now: number): boolean => state === 'pending' && now >= asked + APPROVAL_TTL_MS

async function pick(model: Model, { at, ids }: Real, which: number): Promise<[Told, Approval]> {
  const index = which % model.all.length
  const [told, id = ''] = [model.all[index], ids[index]]
  const approval = await at.act((tx) => approvals.find(tx, id))
  if (!told || !approval) throw new Error(NEVER)
  return [told, approval]
}

/** Each approval stands where the model says, with the votes the model knows, and is to be carried out just then. */
async function agree(model: Model, { at, ids }: Real): Promise<void> {
  const [executable, stand] = await at.act(async (tx) => [
    new Set((await approvals.listExecutable(tx, { owner: OWNER, afterId: '', limit: 100 })).map(({ id }) => id)),
    new Map((await approvals.list(tx, { states: [], peerId: undefined, beforeId: undefined, limit: 100 })).approvals.map((one) => [one.id, one])), // prettier-ignore
  ])
  for (const [index, told] of model.all.entries()) {
    const id = ids[index] ?? ''
    const approval = stand.get(id)
    expect(approval?.state, told.why).toBe(told.state)
    const yes = approval?.votes.filter(({ approves }) => approves).map(({ by }) => by.slice('operator/'.length))
    expect(new Set(yes)).toEqual(told.yes)
    const waits = told.state === 'approved' && !model.blocked && !(model.halted && told.by === 'robot')
    expect(executable.has(id)).toBe(waits)
  }
}

const which = fc.nat(20)
const COMMANDS = [
  fc.tuple(fc.constantFrom(...REQUESTERS), fc.constantFrom('x', 'y')).map(([by, why]) => new Ask(by, why)),
  fc.tuple(fc.constantFrom(...PEOPLE), which).map(([by, at]) => new Approve(by, at)),
  fc.tuple(fc.constantFrom(...PEOPLE), which).map(([by, at]) => new Approve(by, at)),
  fc.tuple(fc.constantFrom(...PEOPLE), which).map(([by, at]) => new Reject(by, at)),
  fc.tuple(fc.boolean(), which).map(([succeeds, at]) => new Report(succeeds, at)),
  fc.boolean().map((halted) => new Halt(halted)),
  fc.constantFrom(1, HOUR, 3 * HOUR, 4 * HOUR).map((ms) => new Pass(ms)),
  fc.constantFrom(HOUR, 4 * HOUR).map((ms) => new Sleep(ms)),
  fc.tuple(fc.constantFrom('require_approval', 'require_approval', 'blocked'), fc.integer({ min: 1, max: 3 })).map(([verb, needed]) => new SetPolicy(verb as 'blocked', needed)),
] // prettier-ignore

test('whatever people, agents, owners and time do, in whatever order: approvals stand where a simple account of them says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(COMMANDS, { maxCommands: 50, size: 'max' }), async (commands) => {
      const at = await startApprovals()
      try {
        await fc.asyncModelRun(
          () => ({ model: { now: 0, needed: 1, blocked: false, halted: false, all: [] }, real: { at, ids: [] } }),
          commands,
        )
      } finally {
        await at.drop()
      }
    }),
    { numRuns: 12 },
  )
})
