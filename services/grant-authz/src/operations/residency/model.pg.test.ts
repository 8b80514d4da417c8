import { create } from '@bufbuild/protobuf'
import { policyOf, residencyVerdict, type Policy, type PolicyTable } from '@powernode/policy'
import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { PolicyPageSchema } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Mode } from '../../residency.ts'
import type { GrantTx, Tables } from '../../store/tables.ts'
import { NOW, testGrants } from '../../testing.ts'
import { BY, pagesOf, policyIn } from '../../testing/residency.ts'
import { declareResidency } from './declare-residency.ts'
import { setDataResidency } from './set-data-residency.ts'
import { setDefaults } from './set-defaults.ts'
import { removeRegion, setRegion } from './set-region.ts'
import { removeResidencyRule, setResidencyRule } from './set-residency-rule.ts'

const PEERS = ['a', 'b'].map((end) => `019f0000-0000-7000-8000-00000000000${end}`)
/** Some that there are from the start, some that may come, and some that can never be known. */
const NAMES = ['eu', 'eu-west', 'eu-west-1', 'us', 'no', 'moon', 'mars', 'EU', '']
const CLASSES = ['general', 'personal', '*']

type Rule = { peerId: string | undefined; dataClass: string; allowedRegions: string[]; mode: Mode | '' }
/** Residency as a person would keep it on paper. */
type Model = {
  regions: Map<string, string | undefined>
  tags: Map<string, { tag: string | undefined; mode: Mode | ''; located: string }>
  declared: Map<string, string>
  rules: Map<string, Rule>
  defaultMode: Mode
  home: string | undefined
}
type Real = { readonly database: TestDatabase<Tables>; readonly gateway: PolicyTable }
type Command = fc.AsyncCommand<Model, Real>

const act = <T>({ database }: Real, verb: (tx: GrantTx) => Promise<T>) => inTransaction(database.db, verb)
const isInside = ({ regions }: Model, name: string | undefined, place: string): boolean =>
  name !== undefined && (name === place || isInside({ regions } as Model, regions.get(name), place))

/** Does it for real and on paper: both refuse, for the same reason, or neither does, and then all agree. */
async function both<T>(
  model: Model,
  real: Real,
  step: { expected: string; verb: (tx: GrantTx) => Promise<T>; note: (result: T) => void },
): Promise<void> {
  let came = ''
  try {
    const result = await act(real, step.verb)
    step.note(result)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    came = error.reason
  }
  expect(came).toBe(step.expected)
  await agree(model, real)
}

/** A gateway that was told everything, one that was told of each change, and the paper decide alike. */
async function agree(model: Model, { database, gateway }: Real): Promise<void> {
  const since = gateway.epoch
  const { pages, epoch } = await inTransaction(
    database.db,
    async (tx) => {
      const { rows } = await sql<{ epoch: number }>`
        select coalesce(max(epoch), 0) as epoch from feed_epoch where feed = 'policy'`.execute(tx)
      return { pages: await pagesOf(tx, since), epoch: BigInt(rows[0]?.epoch ?? 0) }
    },
    { isolation: 'repeatable read' },
  )
  gateway.begin(false)
  for (const page of pages) gateway.apply(page)
  gateway.position(epoch)
  const wanted = asked(paper(model), model)
  expect(asked(await policyIn(database.db), model)).toEqual(wanted)
  expect(asked(gateway, model)).toEqual(wanted)
}

function asked(policy: Policy, { declared }: Model) {
  return PEERS.flatMap((peerId) =>
    CLASSES.flatMap((dataClass) =>
      [...NAMES, declared.get(peerId) ?? ''].map((place) => {
        const question = { peerId, declared: place, dataClass, region: '' }
        const { allowed, mode, reason, advised, resourceRegion } = residencyVerdict(policy, question)
        return { ...question, allowed, mode, reason, advised, resourceRegion }
      }),
    ),
  )
}

function paper({ regions, tags, rules, defaultMode, home }: Model): Policy {
  return policyOf([
    create(PolicyPageSchema, {
      residencyRules: {
        defaultMode,
        homeRegion: home ?? '',
        regions: [...regions].map(([name, parent = '']) => ({ name, parent })),
        rules: [...rules].map(([id, { peerId = '', ...rule }]) => ({ id, peerId, ...rule })),
      },
      residencies: [...tags].map(([peerId, { tag = '', mode, located }]) => ({ peerId, tag, mode, located })),
    }),
  ])
}

const always = { check: () => true }

const tag = (said: { peerId: string; name: string; mode: Mode | '' }): Command => ({
  ...always,
  toString: () => `tag ${JSON.stringify(said)}`,
  run: (model, real) => {
    const name = said.name || undefined
    const { peerId, mode } = said
    const located = model.declared.get(peerId) ?? '' // what the peer says at that moment, whatever it says later
    return both(model, real, {
      expected: name === undefined || model.regions.has(name) ? '' : 'REGION_UNKNOWN',
      verb: (tx) => setDataResidency(tx, NOW, { by: BY, peerId, tag: name, mode, reason: '', located }),
      note: () => {
        const kept = name === undefined ? '' : located
        model.tags.set(peerId, { tag: name, mode: mode || (name === undefined ? '' : 'enforce'), located: kept })
      },
    })
  },
})

const declaration = (said: { peerId: string; name: string }): Command => ({
  ...always,
  toString: () => `declare ${JSON.stringify(said)}`,
  run: (model, real) =>
    both(model, real, {
      expected: '',
      verb: (tx) => declareResidency(tx, NOW, { by: BY, peerId: said.peerId, declared: said.name }),
      note: () => model.declared.set(said.peerId, said.name),
    }),
})

const addRule = (rule: Rule): Command => ({
  ...always,
  toString: () => `rule ${JSON.stringify(rule)}`,
  run: (model, real) =>
    both(model, real, {
      expected: rule.allowedRegions.every((name) => model.regions.has(name)) ? '' : 'REGION_UNKNOWN',
      verb: (tx) => setResidencyRule(tx, NOW, { by: BY, rule: { id: '', ...rule } }),
      note: ({ id }) => model.rules.set(id, rule),
    }),
})

const dropRule = (at: number): Command => ({
  check: ({ rules }) => rules.size > 0,
  toString: () => `drop rule ${at}`,
  run: (model, real) => {
    const id = [...model.rules.keys()].toSorted()[at % model.rules.size] ?? ''
    return both(model, real, {
      expected: '',
      verb: (tx) => removeResidencyRule(tx, NOW, { by: BY, id }),
      note: () => model.rules.delete(id),
    })
  },
})

const move = (said: { name: string; parent: string }): Command => ({
  check: () => said.name !== '' && said.name !== 'EU',
  toString: () => `region ${JSON.stringify(said)}`,
  run: (model, real) => {
    const parent = said.parent || undefined
    const missing = parent !== undefined && parent !== said.name && !model.regions.has(parent)
    return both(model, real, {
      expected: missing ? 'REGION_UNKNOWN' : isInside(model, parent, said.name) ? 'REGION_CYCLE' : '',
      verb: (tx) => setRegion(tx, NOW, { by: BY, region: { name: said.name, parent } }),
      note: () => model.regions.set(said.name, parent),
    })
  },
})

const dropRegion = (name: string): Command => ({
  ...always,
  toString: () => `drop region ${name}`,
  run: (model, real) => {
    const used =
      [...model.regions.values()].includes(name) ||
      [...model.tags.values()].some((residency) => residency.tag === name) ||
      [...model.rules.values()].some(({ allowedRegions }) => allowedRegions.includes(name)) ||
      model.home === name
    return both(model, real, {
      expected: !model.regions.has(name) ? 'REGION_UNKNOWN' : used ? 'REGION_IN_USE' : '',
      verb: (tx) => removeRegion(tx, NOW, { by: BY, name }),
      note: () => model.regions.delete(name),
    })
  },
})

const defaults = (said: { mode: Mode; home: string | undefined }): Command => ({
  ...always,
  toString: () => `defaults ${JSON.stringify(said)}`,
  run: (model, real) =>
    both(model, real, {
      expected: !said.home || model.regions.has(said.home) ? '' : 'REGION_UNKNOWN',
      verb: (tx) => setDefaults(tx, NOW, { by: BY, defaultMode: said.mode, homeRegion: said.home }),
      note: () => {
        model.defaultMode = said.mode
        if (said.home !== undefined) model.home = said.home || undefined
      },
    }),
})

const peer = fc.constantFrom(...PEERS)
const name = fc.constantFrom(...NAMES)
const mode = fc.constantFrom<Mode | ''>('', 'off', 'advise', 'enforce')
const named = fc.uniqueArray(fc.constantFrom(...NAMES.filter((each) => each !== '')), { minLength: 1, maxLength: 3 })
const COMMANDS = [
  fc.record({ peerId: peer, name, mode }).map(tag),
  peer.map((peerId) => tag({ peerId, name: '', mode: '' })),
  fc.record({ peerId: peer, name }).map(declaration),
  fc.record({ peerId: peer, name: fc.constantFrom('eu-west-1', 'us') }).map(declaration),
  fc
    .record({
      peerId: fc.option(peer, { nil: undefined }),
      dataClass: fc.constantFrom(...CLASSES),
      allowedRegions: named,
      mode,
    })
    .map(addRule),
  fc.nat(7).map(dropRule),
  fc.record({ name, parent: name }).map(move),
  name.map(dropRegion),
  fc
    .record({
      mode: fc.constantFrom<Mode>('off', 'advise', 'enforce'),
      home: fc.option(name, { nil: undefined }),
    })
    .map(defaults),
]

test('whatever is set, declared, moved and removed: the database, its gateways and a sheet of paper decide alike', async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(COMMANDS, { maxCommands: 30, size: 'max' }), async (commands) => {
      const database = await testGrants()
      try {
        await fc.asyncModelRun(() => begin(database), commands)
      } finally {
        await database.drop()
      }
    }),
    { numRuns: 25, interruptAfterTimeLimit: 40_000, endOnFailure: true },
  )
})

async function begin(database: TestDatabase<Tables>): Promise<{ model: Model; real: Real }> {
  const known = await database.db.selectFrom('region').select(['name', 'parent']).execute()
  const model: Model = {
    regions: new Map(known.map(({ name: region, parent }) => [region, parent ?? undefined])),
    tags: new Map(),
    declared: new Map(),
    rules: new Map(),
    defaultMode: 'advise',
    home: undefined,
  }
  return { model, real: { database, gateway: await policyIn(database.db) } }
}
