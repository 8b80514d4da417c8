import fc from 'fast-check'
import type { PolicyPage } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import { describe, expect, test } from 'vitest'
import { decide } from './decide.ts'
import { GrantColumns } from './grant-columns.ts'
import { Shelf } from './policy-rows.ts'
import { PolicyTable } from './policy-table.ts'
import { ResidencyRules, residencyVerdict, type ResidencyRulesSaid } from './residency.ts'
import {
  atMs,
  change,
  CLASSES,
  GRANT_IDS,
  grant,
  KIND_NAMES,
  NETWORKS,
  PEERS,
  REGION_NAMES,
  request,
} from './testing/arbitraries.ts'
import { naiveResidency } from './testing/naive.ts'
import { aPolicy, pageOf, PEER } from './testing/world.ts'

/** What a table does, without a thought for memory: a Map of rows for each thing, copied whole at every position. */
class Model {
  inForce = empty()
  next = empty()
  epoch = 0n

  begin(replaces: boolean): void {
    this.next = replaces ? empty() : copied(this.inForce)
  }

  apply(page: PolicyPage): void {
    const put = <Row>(
      rows: Map<string, Row>,
      brought: readonly Row[],
      removed: readonly string[],
      idOf: (row: Row) => string,
    ): void => {
      // prettier-ignore
      for (const row of brought) rows.set(idOf(row), row)
      for (const id of removed) rows.delete(id)
    }
    const { next } = this
    put(next.grants, page.grants, page.removedGrantIds, ({ id }) => id)
    put(next.bridges, page.bridges, page.removedBridgeIds, ({ id }) => id)
    put(next.residencies, page.residencies, page.removedResidencyPeerIds, ({ peerId }) => peerId)
    put(next.overrides, page.overrides, page.removedOverrideIds, ({ id }) => id)
    next.rules = page.residencyRules ?? next.rules
    next.kinds = page.servedKinds?.kinds ?? next.kinds
    next.strictAxes = page.settings?.strictAxes ?? next.strictAxes
  }

  position(epoch: bigint): void {
    this.inForce = this.next
    this.next = copied(this.inForce)
    this.epoch = epoch
  }
}

type Rows = {
  grants: Map<string, PolicyPage['grants'][number]>
  bridges: Map<string, PolicyPage['bridges'][number]>
  residencies: Map<string, PolicyPage['residencies'][number]>
  overrides: Map<string, PolicyPage['overrides'][number]>
  rules: ResidencyRulesSaid
  kinds: readonly { readonly kind: string }[]
  strictAxes: boolean
}
const empty = (): Rows => ({
  grants: new Map(),
  bridges: new Map(),
  residencies: new Map(),
  overrides: new Map(),
  rules: { defaultMode: '', homeRegion: '', rules: [], regions: [] },
  kinds: [],
  strictAxes: false,
})
const copied = (rows: Rows): Rows => ({
  ...rows,
  grants: new Map(rows.grants),
  bridges: new Map(rows.bridges),
  residencies: new Map(rows.residencies),
  overrides: new Map(rows.overrides),
})

/** One thing that the feed says, said to both. */
type Told = (to: {
  begin(replaces: boolean): void
  apply(page: PolicyPage): void
  position(epoch: bigint): void
}) => void
const told: fc.Arbitrary<Told> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.boolean().map(
      (replaces): Told =>
        (to) =>
          to.begin(replaces),
    ),
  },
  {
    weight: 6,
    arbitrary: change.map(
      (page): Told =>
        (to) =>
          to.apply(page),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.bigInt({ min: 1n, max: 100n }).map(
      (epoch): Told =>
        (to) =>
          to.position(epoch),
    ),
  },
)

describe('a table', () => {
  test('is, after anything a feed may say, what a Map of rows would be', () => {
    fc.assert(
      fc.property(
        fc.array(told, { maxLength: 40 }),
        fc.array(fc.tuple(request, atMs), { maxLength: 5 }),
        (tells, asks) => {
          const [table, model] = [new PolicyTable(), new Model()]
          for (const tell of tells) {
            tell(table)
            tell(model)
            expectSame(table, model)
          }
          for (const [request, at] of asks)
            if (decide(table, request, at).allowed) expect(model.inForce.grants.size).toBeGreaterThan(0)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('knows of residency, after anything a feed may say, what a naive hand says of the rows', () => {
    const question = fc.record({
      peerId: fc.constantFrom(...PEERS, 'stranger'),
      declared: fc.constantFrom('', 'EU', ...REGION_NAMES),
      dataClass: fc.constantFrom(...CLASSES, ''),
      region: fc.constant(''),
    })
    let refused = 0
    fc.assert(
      fc.property(fc.array(told, { maxLength: 30 }), question, (tells, question) => {
        const [table, model] = [new PolicyTable(), new Model()]
        for (const tell of [...tells, (to: PolicyTable | Model) => to.position(101n)]) {
          tell(table)
          tell(model)
        }
        const { rules, residencies } = model.inForce
        const said = residencies.get(question.peerId) ?? { tag: '', mode: '', located: '' }
        const request = { peerId: question.peerId, declaredResidency: question.declared }
        const verdict = residencyVerdict(table, question)
        expect(verdict.allowed ? undefined : verdict.reason).toBe(
          naiveResidency(rules, said, request, question.dataClass),
        )
        expect(verdict.advised).toBe(verdict.allowed && verdict.reason !== '')
        if (!verdict.allowed) refused++
      }),
      { numRuns: 2000 },
    )
    expect(refused).toBeGreaterThan(100)
  })

  test('lets go of a change that has come into force: it is not gone through again', () => {
    const [table, page] = [new PolicyTable(), pageOf({ grants: [ANY] })]
    table.begin(false)
    table.apply(page)
    table.position(1n)
    page.grants.push(...pageOf({ grants: [{ ...ANY, id: 'later' }] }).grants)
    table.position(2n)
    expect([table.size, table.epoch]).toEqual([1, 2n])
  })

  test('that nothing was told of allows nothing and knows nobody', () => {
    const table = new PolicyTable()
    expect([table.size, table.epoch, table.grant('x'), table.bridgeState('p', 'n'), table.kind('k')]).toEqual([
      0,
      0n,
      undefined,
      undefined,
      undefined,
    ])
  })
})

describe('the columns of grants', () => {
  test('hold what a Map holds, share what is the same, and let go of what is gone', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: grant().map((row) => ({ row, id: row.id })) },
      { weight: 2, arbitrary: fc.constantFrom(...GRANT_IDS).map((id) => ({ row: undefined, id })) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const [columns, model] = [new GrantColumns(), new Map<string, unknown>()]
        for (const { row, id } of steps) {
          if (row) columns.set(row)
          else columns.delete(id)
          if (row) model.set(id, { ...row, secretSha256: new Uint8Array(row.secretSha256) })
          else model.delete(id)
          expect(columns.size).toBe(model.size)
          for (const id of GRANT_IDS) expect(columns.get(id)).toEqual(model.get(id))
        }
        for (const id of GRANT_IDS) columns.delete(id)
        expect([columns.size, columns.shared]).toEqual([0, 0])
      }),
      { numRuns: 500 },
    )
  })

  test('give no place to a grant with the digest of the one that had it before', () => {
    const columns = new GrantColumns()
    columns.set({ ...ANY, id: 'before', secretSha256: new Uint8Array(32).fill(7) })
    columns.delete('before')
    columns.set({ ...ANY, id: 'after', secretSha256: new Uint8Array() })
    expect(columns.get('after')?.secretSha256).toEqual(new Uint8Array(32))
  })

  test('grow with the most there ever were at once, not with all there ever were', () => {
    const columns = new GrantColumns()
    const row = (id: number) => ({ ...ANY, id: `grant-${id}`, peerId: `peer-${id}`, nodeInstanceIds: [`i-${id}`] })
    for (let id = 0; id < 50_000; id++) {
      columns.set(row(id))
      if (id >= 100) columns.delete(`grant-${id - 100}`)
    }
    expect([columns.size, columns.capacity, columns.shared]).toEqual([100, 1024, 201])
  })
})

test('a shelf holds no key without a row', () => {
  const shelf = new Shelf<{ id: string; key: string }>(({ key }) => key)
  shelf.set({ id: '1', key: 'a' })
  shelf.set({ id: '2', key: 'a' })
  shelf.set({ id: '1', key: 'b' })
  expect([shelf.of('a'), shelf.of('b'), shelf.size, shelf.keys]).toEqual([
    [{ id: '2', key: 'a' }],
    [{ id: '1', key: 'b' }],
    2,
    2,
  ])
  shelf.delete('1')
  shelf.delete('2')
  expect([shelf.size, shelf.keys]).toEqual([0, 0])
})

test('of several overrides the one for just this resource is used, and of those the one that ends first', () => {
  const override = (id: string, resourceId: string, expiresAtMs: number) => ({
    id,
    peerId: PEER,
    resourceKind: 'NodeModule',
    resourceId,
    expiresAtMs,
  })
  const rows = [
    override('1', '', 20),
    override('2', 'r', 30),
    override('3', 'r', 25),
    override('4', 'other', 5),
    override('5', 'r', 10),
    override('0', 'r', 25),
  ]
  const found = (id: string, atMs: number) => aPolicy({ overrides: rows }).override(PEER, 'NodeModule', id, atMs)
  expect([
    found('r', 1),
    found('r', 10),
    found('r', 25),
    found('r', 30),
    found('x', 19),
    found('x', 20),
    found('', 1),
  ]).toEqual(['5', '0', '2', undefined, '1', undefined, '1'])
})

test('where the data is, is what the resource says, else the home of the platform', () => {
  const policy = aPolicy()
  const from = (region: string) =>
    residencyVerdict(policy, { peerId: PEER, declared: 'eu', dataClass: 'c', region }).resourceRegion
  expect([from(''), from('us')]).toEqual(['eu-central-1', 'us'])
})

test('regions that lie in each other in a circle, or in nothing, are looked up in the end', () => {
  const rules = new ResidencyRules({
    defaultMode: '',
    homeRegion: '',
    rules: [],
    regions: ['a b', 'b c', 'c a', 'd d', 'e x'].map((pair) => ({ name: pair.slice(0, 1), parent: pair.slice(2) })),
  })
  expect([rules.liesIn('a', 'c'), rules.liesIn('d', 'd'), rules.liesIn('e', 'x'), rules.liesIn('a', 'd')]).toEqual([
    true,
    true,
    false, // x is no region
    false,
  ])
})

const ANY = {
  id: '',
  peerId: '',
  secretSha256: new Uint8Array(32),
  resourceKind: 'NodeModule',
  resourceId: '',
  scopes: 1,
  nodeInstanceIds: [],
  sdwanNetworkIds: [],
  sourceCidrs: [],
  boundIdentities: [],
  notBeforeMs: 0,
  expiresAtMs: 1,
  revokedAtMs: 0,
}

function expectSame(table: PolicyTable, { inForce, epoch }: Model): void {
  expect([table.epoch, table.size, table.strictAxes]).toEqual([epoch, inForce.grants.size, inForce.strictAxes])
  for (const id of GRANT_IDS) {
    const row = inForce.grants.get(id)
    const { $typeName: _, ...expected } = row ?? { $typeName: '' }
    expect(table.grant(id)).toEqual(row && { ...expected, secretSha256: new Uint8Array(row.secretSha256) })
  }
  for (const peerId of PEERS) {
    const { tag, mode, located } = inForce.residencies.get(peerId) ?? {}
    expect(table.residencyOf(peerId)).toEqual(tag === undefined ? undefined : { tag, mode, located })
    for (const networkId of NETWORKS) {
      const states = [...inForce.bridges.values()].filter(
        (row) => row.peerId === peerId && row.sdwanNetworkId === networkId,
      )
      const best = ['active', 'suspended', 'proposed', 'revoked'].find((state) =>
        states.some((row) => row.state === state),
      )
      expect(table.bridgeState(peerId, networkId)).toBe(best)
    }
    for (const kind of KIND_NAMES)
      for (const id of ['', 'r-1'])
        for (const at of [0, 5, 10]) {
          const fits = [...inForce.overrides.values()].filter(
            (row) =>
              row.peerId === peerId &&
              row.resourceKind === kind &&
              (row.resourceId || id) === id &&
              at < row.expiresAtMs,
          )
          const found = table.override(peerId, kind, id, at)
          expect(found === undefined).toBe(fits.length === 0)
          if (found !== undefined) expect(fits.map((row) => row.id)).toContain(found)
        }
  }
  for (const name of KIND_NAMES)
    expect(table.kind(name)?.kind).toBe(inForce.kinds.find(({ kind }) => kind === name)?.kind)
}
