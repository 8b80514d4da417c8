import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { statusAt, type Scope } from '../../grant.ts'
import { readPolicyOf } from '../../feed/policy.ts'
import * as grants from '../../store/grants.ts'
import type { GrantTx, Tables } from '../../store/tables.ts'
import { announced, CAUSE, NOW, testGrants } from '../../testing.ts'
import { DAY_MS, give, idOf } from '../../testing/grants.ts'
import { archiveGrants } from './archive-grants.ts'
import { closeExpired } from './close-expired.ts'
import { endPeer } from './end-peer.ts'
import { renewGrant } from './renew-grant.ts'
import { revokeGrants } from './revoke-grants.ts'
import { updateGrant } from './update-grant.ts'

let database: TestDatabase<Tables>
beforeEach(async () => {
  database = await testGrants()
})
afterEach(() => database.drop())

/** A grant as simply as it can be said: what it is, until when, and what became of it. */
type Simple = {
  peer: number
  subject: string
  scopes: string
  ttlMs: number
  issuedMs: number
  endMs: number
  revokedMs?: number
  archived?: boolean
  /** It was noted that its end has come. */
  closed?: boolean
}
type Model = {
  nowMs: number
  readonly grants: Map<string, Simple>
  readonly order: string[]
  readonly over: Set<number>
  events: number
}
type Real = { readonly act: <T>(verb: (tx: GrantTx) => Promise<T>) => Promise<T> }

const at = ({ nowMs }: Model): Date => new Date(NOW.getTime() + nowMs)
const lives = (model: Model, one: Simple) => one.revokedMs === undefined && !one.closed && model.nowMs < one.endMs
const statusOf = (model: Model, one: Simple): string => {
  if (one.archived) return 'archived'
  if (one.revokedMs !== undefined) return 'revoked'
  return model.nowMs < one.endMs ? 'active' : 'expired'
}
/** What the act comes to: the reason it is refused for, or ''. */
const outcome = async (act: () => Promise<unknown>): Promise<string> => {
  try {
    await act()
    return ''
  } catch (error) {
    if (error instanceof Error && 'reason' in error) return String(error.reason)
    throw error
  }
}

/** After each step the database says what the model says, and so does what gateways are told. */
async function agree(model: Model, { act }: Real): Promise<void> {
  const told = new Map<string, { revoked: boolean; scopes: number }>()
  for (const peer of [0, 1]) {
    const { grants: found } = await act((tx) => readPolicyOf(tx, { peerId: idOf(peer), grantId: undefined }))
    for (const { id, revokedAtMs, scopes } of found) told.set(id, { revoked: revokedAtMs !== 0, scopes })
  }
  for (const [id, one] of model.grants) {
    const grant = await act((tx) => grants.find(tx, id))
    expect(grant && statusAt(grant, at(model))).toBe(statusOf(model, one))
    expect([grant?.scopes.join(), grant?.expiresAt.getTime()]).toEqual([one.scopes, NOW.getTime() + one.endMs])
    expect(told.get(id)?.revoked).toBe(one.archived ? undefined : one.revokedMs !== undefined)
  }
  expect((await act(announced)).length).toBe(model.events)
}

const commands = () => {
  const step = (name: string, run: (model: Model, real: Real) => Promise<void>): fc.AsyncCommand<Model, Real> => ({
    check: () => true,
    run: async (model, real) => {
      await run(model, real)
      await agree(model, real)
    },
    toString: () => name,
  })
  const peer = fc.constantFrom(0, 1)
  const subject = fc.constantFrom('a', 'b')
  const scopes = fc.constantFrom<readonly Scope[]>(['read'], ['write'], ['read', 'admin'])
  const ttlMs = fc.constantFrom(60_000, 3_600_000, DAY_MS, 400 * DAY_MS)
  const which = fc.nat(9)
  const chosen = (model: Model, n: number): [string, Simple] | undefined => {
    const id = model.order[n % Math.max(1, model.order.length)]
    const one = id === undefined ? undefined : model.grants.get(id)
    return id !== undefined && one ? [id, one] : undefined
  }

  const create = fc.tuple(peer, subject, scopes, ttlMs).map(([p, s, wanted, ttl]) =>
    step(`create(${p}, ${s}, ${wanted.join('+')}, ${ttl})`, async (model, { act }) => {
      const same = [...model.grants.values()].filter((one) => one.peer === p && one.subject === s)
      const expected = model.over.has(p)
        ? 'PEER_REVOKED'
        : same.some((one) => lives(model, one))
          ? 'GRANT_EXISTS'
          : ttl > 366 * DAY_MS
            ? 'GRANT_TTL_OUT_OF_RANGE'
            : ''
      let id = ''
      const said = { peerId: idOf(p), remoteSubject: s, scopes: wanted, ttlMs: ttl }
      expect(await outcome(async () => void ({ id } = await act((tx) => give(tx, said, at(model)))))).toBe(expected)
      if (id === '') return
      for (const one of same) if (one.revokedMs === undefined) one.closed = true
      model.grants.set(id, {
        peer: p,
        subject: s,
        scopes: wanted.join(),
        ttlMs: ttl,
        issuedMs: model.nowMs,
        endMs: model.nowMs + ttl,
      })
      model.order.push(id)
      model.events += 1
    }),
  )
  const update = fc.tuple(which, scopes).map(([n, wanted]) =>
    step(`update(${n}, ${wanted.join('+')})`, async (model, { act }) => {
      const [id, one] = chosen(model, n) ?? []
      if (!id || !one) return
      const said = { grantId: id, changes: { scopes: wanted }, ifRevision: 0, cause: CAUSE }
      expect(await outcome(() => act((tx) => updateGrant(tx, at(model), said)))).toBe(
        lives(model, one) ? '' : 'GRANT_OVER',
      )
      if (!lives(model, one) || one.scopes === wanted.join()) return
      one.scopes = wanted.join()
      model.events += 1
    }),
  )
  const renew = fc.tuple(which, fc.option(ttlMs, { nil: undefined })).map(([n, ttl]) =>
    step(`renew(${n}, ${ttl})`, async (model, { act }) => {
      const [id, one] = chosen(model, n) ?? []
      if (!id || !one) return
      const lasts = ttl ?? one.ttlMs
      const expected = !lives(model, one)
        ? 'GRANT_OVER'
        : lasts > 366 * DAY_MS || model.nowMs + lasts < one.endMs
          ? 'GRANT_TTL_OUT_OF_RANGE'
          : ''
      expect(
        await outcome(() => act((tx) => renewGrant(tx, at(model), { grantId: id, ttlMs: ttl, cause: CAUSE }))),
      ).toBe(expected)
      if (expected !== '') return
      one.endMs = model.nowMs + lasts
      model.events += 1
    }),
  )
  const revoke = fc
    .tuple(fc.option(peer, { nil: undefined }), fc.option(which, { nil: undefined }), fc.boolean())
    .map(([p, n, old]) =>
      step(`revoke(peer ${p}, grant ${n}, old ${old})`, async (model, { act }) => {
        const grantId = n === undefined ? undefined : (chosen(model, n)?.[0] ?? idOf(99))
        const before = model.nowMs - 3_600_000
        const said = {
          peerId: p === undefined ? undefined : idOf(p),
          grantId,
          issuedBefore: old ? new Date(NOW.getTime() + before) : undefined,
        }
        const ended = await act((tx) =>
          revokeGrants(tx, at(model), { chosen: said, limit: 100, reason: '', cause: CAUSE }),
        )
        const meant = [...model.grants].filter(
          ([id, one]) =>
            one.revokedMs === undefined &&
            !one.archived &&
            (p === undefined || one.peer === p) &&
            (grantId === undefined || id === grantId) &&
            (!old || one.issuedMs < before),
        )
        expect(ended.map(({ id }) => id).toSorted()).toEqual(meant.map(([id]) => id).toSorted())
        for (const [, one] of meant) one.revokedMs = model.nowMs
        model.events += meant.length
      }),
    )
  const end = peer.map((p) =>
    step(`end(${p})`, async (model, { act }) => {
      await act((tx) => endPeer(tx, at(model), { peerId: idOf(p), reason: '', cause: CAUSE }))
      model.over.add(p)
      for (const one of model.grants.values())
        if (one.peer === p && one.revokedMs === undefined && !one.archived) {
          one.revokedMs = model.nowMs
          model.events += 1
        }
    }),
  )
  const pass = fc.constantFrom(1, 59_999, 3_600_000, DAY_MS, 91 * DAY_MS).map((ms) =>
    step(`pass(${ms})`, async (model) => {
      model.nowMs += ms
    }),
  )
  const sweep = fc.constant(
    step('sweep()', async (model, { act }) => {
      await act((tx) => closeExpired(tx, at(model), 100))
      await act((tx) => archiveGrants(tx, at(model), 100))
      for (const one of model.grants.values()) {
        if (model.nowMs >= one.endMs && one.revokedMs === undefined) one.closed = true
        const endedMs = Math.min(one.endMs, one.revokedMs ?? Infinity)
        const isOver = one.closed === true || one.revokedMs !== undefined
        if (!one.archived && isOver && endedMs <= model.nowMs - 90 * DAY_MS) {
          one.archived = true
          model.events += 1
        }
      }
    }),
  )
  return fc.commands([create, create, create, update, renew, revoke, revoke, pass, pass, sweep, end], {
    maxCommands: 50,
    size: 'max',
  })
}

test('whatever is done with grants, in whatever order, the database is where a simple model says', async () => {
  await fc.assert(
    fc.asyncProperty(commands(), async (some) => {
      await database.drop()
      database = await testGrants()
      const real: Real = { act: (verb) => inTransaction(database.db, verb) }
      await fc.asyncModelRun(
        () => ({ model: { nowMs: 0, grants: new Map(), order: [], over: new Set<number>(), events: 0 }, real }),
        some,
      )
    }),
    { numRuns: 10 },
  )
})
