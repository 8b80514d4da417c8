import { openDb, inTransaction } from '@powernode/postgres'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { federate, invite, propose, redeem } from '../../test/handshake.ts'
import { BY, SCHEMA, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { stranger } from '../../test/stranger.ts'
import { issueCertificate } from '../operations/issue-certificate.ts'
import { revokeCertificate } from '../operations/revoke-certificate.ts'
import { revokeInvitation } from '../operations/revoke-invitation.ts'
import { revokePeer } from '../operations/revoke-peer.ts'
import { createCsr } from '@powernode/identity'
import { MOVES, PEER_STATES, RESUMED } from '../peer.ts'
import type { Tables } from './tables.ts'

let a: TestPlatform
let b: TestPlatform
let onA: string
beforeAll(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
  ;({ onA } = await federate(a, b))
})
afterAll(() => Promise.all([a?.drop(), b?.drop()]))

/** As the schema's owner: what is refused to it is refused to everybody. */
async function asOwner(statement: string): Promise<void> {
  const db = openDb<Tables>({ url: a.ownerUrl, schema: SCHEMA, applicationName: 'owner' })
  try {
    await inTransaction(db, (tx) => sql.raw(statement).execute(tx))
  } finally {
    await db.destroy()
  }
}
const asService = (statement: string) => a.act((tx) => sql.raw(statement).execute(tx))
const rejects = (promise: Promise<unknown>, code: string) => expect(promise).rejects.toMatchObject({ code })
const CHECK = '23514'
const UNIQUE = '23505'
const DENIED = '42501'

describe('the database refuses, to the owner too,', () => {
  test('a state that is none, and a state that lacks what it needs', async () => {
    await rejects(asOwner(`update peer set state = 'befriended' where id = '${onA}'`), CHECK)
    await rejects(asOwner(`update peer set state = 'suspended' where id = '${onA}'`), CHECK)
    await rejects(asOwner(`update peer set state = 'revoked' where id = '${onA}'`), CHECK)
    await rejects(asOwner(`update peer set trust_bundle = null where id = '${onA}'`), CHECK)
    await rejects(asOwner(`update peer set kind = 'sdwan_only' where id = '${onA}'`), CHECK)
    await rejects(asOwner(`update peer set contract_version = 0 where id = '${onA}'`), CHECK)
  })

  test('every move that the table of moves does not have, and no other', async () => {
    const { id } = await propose(a)
    const s = await stranger('s.example', a.clock.now())
    await redeem(a, s.accept((await invite(a, id)).token))
    for (const from of PEER_STATES)
      for (const to of PEER_STATES) {
        if (from === to) continue
        const back: readonly unknown[] = from === 'suspended' ? Object.values(RESUMED) : []
        const allowed = Object.values(MOVES[from]).includes(to) || back.includes(to)
        const came = await moves(id, from, to)
        expect(came, `${from} to ${to}`).toBe(allowed)
      }
  })

  /** Whether a row that is put into a state by force can be moved on to another; nothing of it is kept. */
  async function moves(id: string, from: string, to: string): Promise<boolean> {
    const whole = (state: string) =>
      `state = '${state}', suspended_from = ${state === 'suspended' ? "'active'" : 'null'}, revoked_at = ${state === 'revoked' ? 'since' : 'null'}`
    return asOwner(`do $$ begin
      alter table peer disable trigger peer_guarded;
      update peer set ${whole(from)} where id = '${id}';
      alter table peer enable trigger peer_guarded;
      update peer set ${whole(to)} where id = '${id}';
      raise exception 'moved' using errcode = 'ZZ000';
    end $$`).then(
      () => false,
      (error: unknown) => (error as { code?: string }).code === 'ZZ000',
    )
  }

  test('another identity under a peering', async () => {
    for (const change of [
      `identity_key = '\\x${'00'.repeat(32)}'`,
      'identity_key = null',
      `platform_id = '${'a'.repeat(32)}'`,
      `trust_domain = 'evil.example'`,
    ])
      // prettier-ignore
      await rejects(asOwner(`update peer set ${change} where id = '${onA}'`), CHECK)
  })

  test('two live peerings with one platform or one trust domain', async () => {
    const { id } = await propose(a)
    const known = `platform_id = (select platform_id from peer where id = '${onA}'), identity_key = (select identity_key from peer where id = '${onA}')`
    const rest = `contract_version = 1, state = 'accepted'`
    await rejects(asOwner(`update peer set ${known}, trust_domain = 'z.example', ${rest} where id = '${id}'`), UNIQUE)
    const other = `platform_id = '${'b'.repeat(32)}', identity_key = '\\x${'01'.repeat(32)}'`
    await rejects(asOwner(`update peer set ${other}, trust_domain = 'b.example', ${rest} where id = '${id}'`), UNIQUE)
  })

  test('a spent, a revoked and another invitation under the same row', async () => {
    const spent = `peer_id = '${onA}'`
    await rejects(asOwner(`update invitation set redeemed_at = null, redeemed_by = null, acceptance_digest = null, answer = null where ${spent}`), CHECK) // prettier-ignore
    await rejects(asOwner(`update invitation set redeemed_by = '\\x${'02'.repeat(32)}' where ${spent}`), CHECK)
    await rejects(asOwner(`update invitation set revoked_at = expires_at where ${spent}`), CHECK)
    await rejects(asOwner(`update invitation set token_digest = '\\x${'03'.repeat(32)}' where ${spent}`), CHECK)
    const { invitation } = await invite(a, (await propose(a)).id)
    await a.act((tx, now) => revokeInvitation(tx, now, { by: BY, invitationId: invitation.id }))
    await rejects(asOwner(`update invitation set revoked_at = null where id = '${invitation.id}'`), CHECK)
  })

  test('a certificate given back, another identity of our own, a bundle sequence that goes back', async () => {
    const { csrDer } = await createCsr()
    const said = { us: a.us, by: BY, kind: 'service', name: 'x', csrDer, hosts: [], ttlMs: 86_400_000, peerId: null } as const // prettier-ignore
    const { certificate } = await a.act((tx, now) => issueCertificate(tx, now, said))
    await a.act((tx, now) => revokeCertificate(tx, now, { us: a.us, by: BY, serial: certificate.serial, reason: '' }))
    await rejects(asOwner(`update certificate set revoked_at = null where serial = '${certificate.serial}'`), CHECK)
    await rejects(asOwner(`update platform set identity_key = '\\x${'04'.repeat(32)}'`), CHECK)
    await rejects(asOwner(`update platform set bundle_sequence = 1`), CHECK)
  })

  test('a revoked peer any other state', async () => {
    const { id } = await propose(a)
    await a.act((tx, now) => revokePeer(tx, now, { us: a.us, by: BY, peerId: id, reason: '' }))
    await rejects(asOwner(`update peer set state = 'proposed', revoked_at = null where id = '${id}'`), CHECK)
  })
})

describe('the service itself may not', () => {
  test.each([
    'peer',
    'invitation',
    'certificate',
    'authority',
    'platform',
    'rotation',
    'contract_version',
    'trust_holder',
  ])('delete or empty %s', async (table) => {
    await rejects(asService(`delete from ${table}`), DENIED)
    await rejects(asService(`truncate ${table}`), DENIED)
  })

  test('rewrite the contract, take guards away, or make tables', async () => {
    await rejects(asService(`update contract_version set contract_text = ''`), DENIED)
    await rejects(asService(`alter table peer disable trigger peer_guarded`), DENIED)
    await rejects(asService(`drop trigger peer_guarded on peer`), DENIED)
    await rejects(asService(`create table peer_registry.loot ()`), DENIED)
    await rejects(asService(`update dead_letter set reason = ''`), DENIED)
  })
})
