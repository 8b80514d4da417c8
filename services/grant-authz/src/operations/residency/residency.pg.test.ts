import { fromBinary } from '@bufbuild/protobuf'
import { residencyVerdict } from '@powernode/policy'
import { inTransaction, openDb } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { EventSchema, Severity } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ResidencyRule } from '../../residency.ts'
import * as regions from '../../store/regions.ts'
import * as residencies from '../../store/residencies.ts'
import * as rules from '../../store/residency-rules.ts'
import type { GrantTx, Tables } from '../../store/tables.ts'
import { announced, NOW, PEER, testGrants } from '../../testing.ts'
import { BY, pagesOf, policyIn } from '../../testing/residency.ts'
import { declareResidency } from './declare-residency.ts'
import { setDataResidency } from './set-data-residency.ts'
import { beginResidency, setDefaults } from './set-defaults.ts'
import { removeRegion, setRegion } from './set-region.ts'
import { removeResidencyRule, setResidencyRule } from './set-residency-rule.ts'

let database: TestDatabase<Tables>
beforeEach(async () => {
  database = await testGrants()
})
afterEach(() => database.drop())

const OTHER = '019f0000-0000-7000-8000-00000000cafe'
const act = <T>(verb: (tx: GrantTx) => Promise<T>) => inTransaction(database.db, verb)
/** An operator sets a tag, while the peer says that it is in eu-west-1 unless another place is said. */
const tag = (
  name: string | undefined,
  said: { mode?: '' | 'off' | 'advise' | 'enforce'; peerId?: string; located?: string } = {},
) =>
  act((tx) => {
    const whole = { by: BY, peerId: PEER, tag: name, mode: '', reason: 'contract 7', located: 'eu-west-1', ...said } as const // prettier-ignore
    return setDataResidency(tx, NOW, whole)
  })
const declares = (declared: string) => act((tx) => declareResidency(tx, NOW, { by: BY, peerId: PEER, declared }))
const rule = (said: Partial<ResidencyRule>) =>
  act((tx) =>
    setResidencyRule(tx, NOW, {
      by: BY,
      rule: { id: '', peerId: undefined, dataClass: 'personal', allowedRegions: ['eu'], mode: '', ...said },
    }),
  )
const region = (name: string, parent?: string) => act((tx) => setRegion(tx, NOW, { by: BY, region: { name, parent } }))
const drop = (name: string) => act((tx) => removeRegion(tx, NOW, { by: BY, name }))
const verdict = async (declared: string, dataClass = 'general') => {
  const policy = await policyIn(database.db)
  const { allowed, reason, mode } = residencyVerdict(policy, { peerId: PEER, declared, dataClass, region: '' })
  return `${allowed ? 'allowed' : 'refused'} ${mode}${reason && ` ${reason}`}`
}

describe('a tag', () => {
  test('says where data that goes to the peer stays, and is enforced', async () => {
    expect(await tag('eu')).toMatchObject({ tag: 'eu', mode: 'enforce', setBy: 'operator/alice', reason: 'contract 7' })
    expect(await verdict('eu-west-1')).toBe('allowed enforce')
    expect(await verdict('us-east-1')).toBe('refused enforce RESIDENCY_VIOLATION')
    expect(await verdict('')).toBe('refused enforce RESIDENCY_UNKNOWN')
    expect(await act(announced)).toEqual(['residency.set'])
  })

  test('that is misspelt, or written in another case, is no tag, and changes nothing', async () => {
    await expectRefusal(tag('EU'), 'REGION_UNKNOWN')
    await expectRefusal(tag('eu '), 'REGION_UNKNOWN')
    const { metadata, next } = await expectRefusal(tag('eu-wset-1'), 'REGION_UNKNOWN')
    expect([metadata['region'], next]).toEqual(['eu-wset-1', expect.stringContaining('eu-west-1')])
    expect(await act((tx) => residencies.find(tx, PEER))).toBeUndefined()
    expect(await act(announced)).toEqual([])
  })

  test('said again is no news, and no gateway is told', async () => {
    await tag('eu')
    const before = await epoch()
    await tag('eu')
    expect([await act(announced), await epoch()]).toEqual([['residency.set'], before])
  })

  test('taken away leaves what the rules and the default say', async () => {
    await tag('eu')
    const { epoch: before } = await policyEpoch()
    await tag(undefined)
    expect(await verdict('us-east-1')).toBe('allowed advise')
    expect((await act((tx) => pagesOf(tx, before))).map((page) => page.removedResidencyPeerIds)).toEqual([[PEER]])
  })

  test('may merely advise, or be off', async () => {
    await tag('eu', { mode: 'advise' })
    expect(await verdict('us')).toBe('allowed advise RESIDENCY_VIOLATION')
    await tag('eu', { mode: 'off' })
    expect(await verdict('us')).toBe('allowed off')
  })

  test('of one peer says nothing of another', async () => {
    await tag('us', { peerId: OTHER })
    expect(await verdict('eu')).toBe('allowed advise')
  })
})

describe('what a peer says of itself (it could redeclare itself out of its residency elsewhere: O-14)', () => {
  test('loosens nothing: it is refused where it says it is', async () => {
    await tag('eu')
    await declares('us-east-1')
    expect(await act((tx) => residencies.find(tx, PEER))).toMatchObject({ tag: 'eu', declared: 'us-east-1' })
    expect(await verdict('us-east-1')).toBe('refused enforce RESIDENCY_VIOLATION')
  })

  test('loosens nothing either where it was refused, and then says that it is inside: its own word lets nobody back in', async () => {
    await declares('us')
    await tag('eu', { located: 'us' })
    expect(await verdict('us')).toBe('refused enforce RESIDENCY_VIOLATION')
    await declares('eu-west-1')
    expect(await verdict('eu-west-1')).toBe('refused enforce RESIDENCY_VIOLATION')
    expect(await act((tx) => residencies.find(tx, PEER))).toMatchObject({ located: 'us', declared: 'eu-west-1' })
  })

  test('counts once an operator sets the same tag again, and gateways are told', async () => {
    await tag('eu', { located: 'us' })
    const before = await epoch()
    expect(await tag('eu', { located: 'eu-west-1' })).toMatchObject({ tag: 'eu', located: 'eu-west-1' })
    expect(await verdict('eu-west-1')).toBe('allowed enforce')
    expect(await epoch()).toBeGreaterThan(before)
    expect(await act(announced)).toEqual(['residency.set', 'residency.set'])
  })

  test('for the first time after the tag was set is unknown until then', async () => {
    await tag('eu', { located: '' })
    await declares('eu-west-1')
    expect(await verdict('eu-west-1')).toBe('refused enforce RESIDENCY_UNKNOWN')
    await tag('eu')
    expect(await verdict('eu-west-1')).toBe('allowed enforce')
  })

  test('holds for the rules as well, as long as there is a tag', async () => {
    await rule({ allowedRegions: ['eu-west-1'], mode: 'enforce' })
    await tag('eu', { located: 'eu-central-1' })
    expect(await verdict('eu-west-1', 'personal')).toBe('refused enforce RESIDENCY_VIOLATION')
    await tag(undefined)
    expect(await act((tx) => residencies.find(tx, PEER))).toMatchObject({ located: '' })
    expect(await verdict('eu-west-1', 'personal')).toBe('allowed enforce')
  })

  test('inside of our tag is news: where it was when that was set, data goes there again; else an operator is asked to look', async () => {
    const news = async () => (await events()).filter(([kind]) => kind === 'residency.declared')
    await tag('eu')
    for (const said of ['eu-west-1', 'us', 'eu-central-1', 'us', 'eu-central-1', 'eu-west-1']) await declares(said)
    expect(await news()).toEqual([['residency.declared', Severity.MEDIUM], ['residency.declared', Severity.HIGH]]) // prettier-ignore
    await tag('eu', { located: 'us' })
    for (const said of ['eu-west-1', 'eu-west-1', '', 'eu-west-1']) await declares(said)
    expect((await news()).slice(2)).toEqual([['residency.declared', Severity.MEDIUM]])
  })

  test('outside of our tag is news, once', async () => {
    await tag('eu')
    for (const said of ['us', '', 'us', 'mars', 'us', '']) await declares(said)
    expect(await act(announced)).toEqual(['residency.set', 'residency.declared', 'residency.declared'])
    await tag('ch')
    await declares('eu')
    await declares('us')
    expect((await act(announced)).slice(3)).toEqual(['residency.set', 'residency.declared', 'residency.declared'])
  })

  test('ever anew does not fill the ledger', async () => {
    await tag('eu')
    for (let n = 0; n < 40; n++) await declares(`place-${n}`)
    expect(await act(announced)).toHaveLength(1 + 16)
  })

  test('makes no epoch: a peer cannot keep our gateways busy', async () => {
    await declares('us')
    await tag('eu')
    const before = await epoch()
    await declares('ap')
    expect(await epoch()).toBe(before)
  })
})

describe('a rule', () => {
  test('holds for its class beside the tag, and both have to allow', async () => {
    await tag('eu', { located: 'eu-central-1' })
    await rule({ allowedRegions: ['eu-central', 'ch'], mode: 'enforce' })
    expect(await verdict('eu-central-1', 'personal')).toBe('allowed enforce')
    expect(await verdict('eu-west-1', 'personal')).toBe('refused enforce RESIDENCY_VIOLATION')
    expect(await verdict('ch', 'personal')).toBe('refused enforce RESIDENCY_VIOLATION')
    expect(await verdict('eu-west-1')).toBe('allowed enforce')
  })

  test('is replaced by its id, and gone when it is removed', async () => {
    const { id } = await rule({ mode: 'enforce' })
    expect(await verdict('us', 'personal')).toBe('refused enforce RESIDENCY_VIOLATION')
    await rule({ id, allowedRegions: ['us'], mode: 'enforce' })
    expect(await verdict('us', 'personal')).toBe('allowed enforce')
    await act((tx) => removeResidencyRule(tx, NOW, { by: BY, id }))
    expect(await act((tx) => rules.all(tx))).toEqual([])
    expect(await act(announced)).toEqual(['residency.rule-set', 'residency.rule-set', 'residency.rule-removed'])
  })

  test.each<[string, Partial<ResidencyRule>, 'REGION_UNKNOWN' | 'REQUEST_INVALID' | 'RESIDENCY_RULE_NOT_FOUND']>([
    ['a region that there is not', { allowedRegions: ['eu', 'eu-wset'] }, 'REGION_UNKNOWN'],
    ['no region', { allowedRegions: [] }, 'REQUEST_INVALID'],
    ['a region twice', { allowedRegions: ['eu', 'eu'] }, 'REQUEST_INVALID'],
    ['a class in capitals', { dataClass: 'Personal' }, 'REQUEST_INVALID'],
    ['an id that there is not', { id: OTHER }, 'RESIDENCY_RULE_NOT_FOUND'],
  ])('of %s is refused', async (_, said, reason) => {
    await expectRefusal(rule(said), reason)
    expect(await act((tx) => rules.all(tx))).toEqual([])
  })

  test('there are no more than gateways can be told', async () => {
    const names = Array.from({ length: 32 }, (_, n) => `x${'y'.repeat(61)}${n}`)
    for (const name of names) await region(name)
    const many = async () => {
      for (let n = 0; n < 200; n++) await rule({ allowedRegions: names })
    }
    await expectRefusal(many(), 'REQUEST_INVALID')
    expect((await act((tx) => rules.all(tx))).length).toBeGreaterThan(100)
  })
})

describe('a region', () => {
  test('is known, lies in another, and moves', async () => {
    await region('fr-par-1', 'eu')
    await tag('eu')
    expect(await verdict('fr-par-1')).toBe('allowed enforce')
    await region('fr-par-1', 'us')
    expect(await verdict('fr-par-1')).toBe('refused enforce RESIDENCY_VIOLATION')
    expect(await act(announced)).toEqual(['residency.regions-changed', 'residency.set', 'residency.regions-changed'])
  })

  test('cannot lie in itself', async () => {
    await expectRefusal(region('eu', 'eu-west-1'), 'REGION_CYCLE')
    await expectRefusal(region('eu', 'eu'), 'REGION_CYCLE')
    await expectRefusal(region('x', 'x'), 'REGION_CYCLE')
  })

  test('cannot, also when two move at once so that each alone would be fine', async () => {
    await region('a')
    await region('b')
    const outcomes = await Promise.allSettled([region('a', 'b'), region('b', 'a')])
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const known = await act((tx) => regions.all(tx))
    expect([known.get('a')?.parent, known.get('b')?.parent]).toContain(undefined)
  })

  test('stays while something stands on it, and the refusal names what', async () => {
    const usedBy = async (name: string) => (await expectRefusal(drop(name), 'REGION_IN_USE')).metadata['used_by']
    expect(await usedBy('eu')).toMatch(/^region eu-/)
    await tag('no')
    expect(await usedBy('no')).toBe(`the tag of peer ${PEER}`)
    const { id } = await rule({ allowedRegions: ['uk-south-1'] })
    expect(await usedBy('uk-south-1')).toBe(`rule ${id}`)
    await act((tx) => setDefaults(tx, NOW, { by: BY, defaultMode: 'advise', homeRegion: 'ch-zurich-1' }))
    expect(await usedBy('ch-zurich-1')).toBe('the home region')
    await tag(undefined)
    await drop('no')
    await expectRefusal(tag('no'), 'REGION_UNKNOWN')
    await expectRefusal(drop('no'), 'REGION_UNKNOWN')
  })

  test('is not removed under a tag that is being set', async () => {
    const outcomes = await Promise.allSettled([tag('no'), drop('no')])
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})

describe('where our own data is', () => {
  const home = async () => (await act((tx) => rules.settings(tx))).homeRegion
  const begin = (homeRegion: string) => act((tx) => beginResidency(tx, NOW, { homeRegion }))

  test('is what the configuration said first, and then what operators say', async () => {
    await begin('')
    expect(await home()).toBeUndefined()
    await begin('eu-central-1')
    await begin('us')
    expect(await home()).toBe('eu-central-1')
    await act((tx) => setDefaults(tx, NOW, { by: BY, defaultMode: 'enforce', homeRegion: '' }))
    await begin('us')
    expect(await act((tx) => rules.settings(tx))).toMatchObject({ defaultMode: 'enforce', homeRegion: undefined })
  })

  test('stays when only the mode is said', async () => {
    await begin('eu')
    await act((tx) => setDefaults(tx, NOW, { by: BY, defaultMode: 'off', homeRegion: undefined }))
    expect(await home()).toBe('eu')
    expect(await act(announced)).toEqual(['residency.defaults-changed', 'residency.defaults-changed'])
  })

  test('misspelt keeps the service from starting, with the name that was meant', async () => {
    const refusal = await expectRefusal(begin('eu-cental-1'), 'REGION_UNKNOWN')
    expect(refusal.next).toContain('eu-central-1')
  })
})

describe('what is changed by hand', () => {
  test.each([
    `update region set parent = 'eu-west-1' where name = 'eu'`,
    `delete from region where name = 'uk-south-1'`,
    `update residency_rule set allowed_regions = array['eu', 'nowhere']`,
    `update peer_residency set tag = 'EU'`,
    `update peer_residency set tag = null`,
    `update residency_settings set home_region = 'home'`,
  ])('is refused by the tables where the code would refuse it, by the owner too: %s', async (change) => {
    await rule({ allowedRegions: ['uk-south-1'] })
    await tag('eu')
    await expect(byHand(change)).rejects.toMatchObject({ code: expect.stringMatching(/^235(03|14)$/) })
  })

  test('is told to gateways all the same', async () => {
    await tag('eu')
    const { epoch: before } = await policyEpoch()
    await byHand(`update peer_residency set tag = 'us'`)
    await byHand(`update region set parent = 'us' where name = 'uk'`)
    const pages = await act((tx) => pagesOf(tx, before))
    expect(pages.flatMap((page) => page.residencies)).toMatchObject([{ peerId: PEER, tag: 'us', mode: 'enforce' }])
    expect(pages.find((page) => page.residencyRules)?.residencyRules?.regions).toContainEqual(
      expect.objectContaining({ name: 'uk', parent: 'us' }),
    )
  })
})

/** What was announced, with how much it matters. */
const events = () =>
  act(async (tx) => {
    const { rows } = await sql<{ subject: string; event: Uint8Array }>`
      select subject, event from outbox order by position`.execute(tx)
    return rows.map(({ subject, event }) => [
      subject.split('.').slice(1, 3).join('.'),
      fromBinary(EventSchema, event).severity,
    ])
  })

async function byHand(change: string): Promise<void> {
  const owner = openDb<Tables>({ url: database.ownerUrl, schema: 'grant_authz', applicationName: 'test' })
  try {
    await sql.raw(change).execute(owner)
  } finally {
    await owner.destroy()
  }
}

async function policyEpoch(): Promise<{ readonly epoch: bigint }> {
  const { rows } = await sql<{ epoch: number }>`
    select coalesce(max(epoch), 0) as epoch from feed_epoch where feed = 'policy'`.execute(database.db)
  return { epoch: BigInt(rows[0]?.epoch ?? 0) }
}

const epoch = async () => (await policyEpoch()).epoch
