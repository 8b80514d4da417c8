import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@powernode/clock'
import { fedctl } from '@powernode/fedctl'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { eventually } from '../eventually.ts'
import { PATIENT, TestPlatform } from '../mesh.ts'

/** An operator at a keyboard: what was typed, what was printed, and the exit code. */
async function type(platform: TestPlatform, words: readonly string[], input = '') {
  return typeIn(platform.platform.fedctlContext, words, input)
}

async function typeIn(file: string, words: readonly string[], input = '') {
  const said = { out: '', err: '' }
  const env = {
    cwd: '/',
    home: '/nowhere',
    context: undefined,
    colours: false,
    columns: undefined,
    canAsk: false,
    out: (text: string) => void (said.out += text),
    err: (text: string) => void (said.err += text),
    readInput: () => input,
    ask: () => Promise.reject(new Error('nobody is there to ask')),
  }
  const argv = ['--context', file, ...words]
  const exit = await fedctl(argv, { env, clock: systemClock, signal: AbortSignal.timeout(240_000) })
  return { exit, ...said, json: () => JSON.parse(said.out) as Said }
}

type PeerJson = { id: string; name: string; state: string; waiting_on: string; open_items: string[]; reason: string }
type Said = {
  peer: PeerJson
  peers: PeerJson[]
  invitation: { id: string; text: string; command: string; acceptance_token: string }
  error: { reason: string; message: string; next?: string; exit_code: number }
  rotation: { id: string; step: string; holders: unknown[] }
  certificate: { serial: string; spiffe_id: string }
  next: string
}

describe('an operator does every step by hand', () => {
  let a: TestPlatform
  let b: TestPlatform
  beforeAll(async () => {
    // Patient enough not to call a peer silent while a busy machine draws breath: this story is about commands.
    const options = { registry: PATIENT }
    ;[a, b] = await Promise.all([TestPlatform.start('a', options), TestPlatform.start('b', options)])
  })
  afterAll(async () => {
    await Promise.all([a.stop(), b.stop()])
  })

  let invitation = ''
  let onA = ''

  test('status of a platform that has no peers yet', async () => {
    const { out } = await eventually(() => type(a, ['status']), ({ exit }) => exit === 0) // prettier-ignore
    expect(out).toMatch(/peer-registry +serving/)
    expect(out).toMatch(/federation-gateway +serving/)
    expect(out).toContain('none yet')
  })

  test('a rehearsal of a proposal changes nothing', async () => {
    const { exit, json } = await type(a, ['peer', 'propose', '--name', 'b', '--dry-run', '-o', 'json'])
    expect(json()).toMatchObject({ dry_run: true, peer: { name: 'b', state: 'proposed' } })
    expect(exit).toBe(0)
    expect((await type(a, ['peer', 'list', '-o', 'json'])).json().peers).toEqual([])
  })

  test('propose prints the exact command for the other side', async () => {
    const { exit, json } = await type(a, ['peer', 'propose', b.platform.url, '--name', 'b', '-o', 'json'])
    expect(exit).toBe(0)
    const said = json()
    invitation = said.invitation.text
    onA = said.peer.id
    expect(said.peer).toMatchObject({ name: 'b', state: 'proposed', waiting_on: 'them' })
    expect(said.invitation.command).toBe(`fedctl peer accept ${invitation}`)
  })

  test('a preview tells what the invitation says and never the token', async () => {
    const { exit, out, err } = await type(b, ['invite', 'preview', '-'], `${invitation}\n`)
    expect(exit, err).toBe(0)
    expect(out).toMatch(/trust domain +a\.example/)
    expect(out).toContain('Nothing speaks against it.')
    expect(out).not.toContain(invitation)
  })

  test('accept waits until the peer is active', async () => {
    const { exit, out, json } = await type(b, ['peer', 'accept', invitation, '--name', 'a', '--wait', '-o', 'json'])
    expect(exit, out).toBe(0)
    expect(json().peer).toMatchObject({ name: 'a', state: 'active', open_items: [] })
  })

  test('accepting it again is refused by the other side', async () => {
    const { exit, json } = await type(b, ['peer', 'accept', invitation, '-o', 'json'])
    expect(json().error.reason).toMatch(/PLATFORM_ALREADY_PEERED|INVITATION_SPENT/)
    expect(exit).toBe(4)
  })

  test('list and show', async () => {
    await a.untilState(onA, PeerState.ACTIVE)
    await a.untilFreshness(onA, ({ hearing }) => hearing === 'both')
    await a.ledgerOf(onA, 'federation.peer.active')
    const { out } = await type(a, ['peer', 'list'])
    expect(out).toMatch(/^PEER +STATE +HEARD/)
    expect(out).toMatch(/^b +active +\d+s\/\d+s +\S+ +1 /m)
    const shown = parse((await type(a, ['peer', 'show', 'b', '-o', 'yaml'])).out)
    expect(shown).toMatchObject({
      name: 'b',
      state: 'active',
      trust_domain: 'b.example',
      freshness: { hearing: 'both' },
      unavailable: [],
    })
    const kinds = shown.timeline.map(({ kind }: { kind: string }) => kind)
    expect(kinds).toContain('federation.peer.active')
  })

  test('suspend, resume, and what cannot be done says so', async () => {
    expect((await type(a, ['peer', 'suspend', 'b', '--reason', 'maintenance', '--wait'])).exit).toBe(0)
    const again = await type(a, ['peer', 'suspend', 'b', '-o', 'json'])
    expect(again.json().error).toMatchObject({ reason: 'MOVE_NOT_ALLOWED', exit_code: 4 })
    expect(again.exit).toBe(4)
    const resumed = await type(a, ['peer', 'resume', 'b', '--wait', '-o', 'json'])
    expect(resumed.json().peer.state).toBe('active')
  })

  test('a peer that is not there is named, with the next command', async () => {
    const { exit, json } = await type(a, ['peer', 'show', 'nobody', '-o', 'json'])
    expect(json().error).toMatchObject({ reason: 'PEER_NOT_FOUND', next: 'fedctl peer list' })
    expect(exit).toBe(2)
  })

  test('half an invitation is refused before anybody is asked', async () => {
    const { exit, json } = await type(b, ['peer', 'accept', invitation.slice(0, -9), '-o', 'json'])
    expect(json().error.reason).toBe('INVITATION_MALFORMED')
    expect(exit).toBe(2)
  })

  test('waiting for a peer that nobody accepts ends in time, and says who must act', async () => {
    const { exit, out } = await type(a, ['peer', 'propose', '--name', 'late', '--wait=300ms', '-o', 'json'])
    const [first, last] = [out.slice(0, out.indexOf('\n')), out.slice(out.indexOf('\n'))]
    expect(JSON.parse(first)).toMatchObject({ peer: { state: 'proposed' } })
    expect(JSON.parse(last)).toMatchObject({ error: { reason: 'TIMEOUT', exit_code: 6 } })
    expect(exit).toBe(6)
  })

  test('invitations are made, listed and revoked', async () => {
    const made = await type(a, ['invite', 'create', 'late', '--name', 'second', '--ttl', '2h', '-o', 'json'])
    const { id } = made.json().invitation
    expect((await type(a, ['invite', 'list', 'late'])).out).toMatch(new RegExp(`${id} +open .* second`))
    expect((await type(a, ['invite', 'revoke', id])).exit).toBe(0)
    expect((await type(a, ['invite', 'list'])).out).toMatch(new RegExp(`${id} +revoked`))
    expect((await type(a, ['invite', 'create', 'late', '--ttl', '5m'])).exit).toBe(2)
  })

  test('events and the ledger', async () => {
    await a.ledgerOf(onA, 'federation.peer.active')
    const watched = await type(a, ['events', 'watch', '--peer', 'b', '--since', '1h', '--limit', '2', '-o', 'json'])
    const kinds = watched.out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { kind: string }).kind)
    expect(kinds).toEqual(['federation.peer.proposed', expect.stringContaining('federation.')])
    expect((await type(a, ['audit', 'log', 'b'])).out).toMatch(
      /^SEQ +AT \(UTC\) +ACTION[^]*\n0 .*federation\.peer\.proposed/,
    )
    expect((await type(a, ['audit', 'verify', '--log', 'b'])).out).toMatch(/^whole/)
  })

  test('the CA, its certificates, and a rehearsal of its rotation', async () => {
    expect((await type(a, ['ca', 'show'])).out).toMatch(/^1 +current/m)
    expect((await type(a, ['ca', 'show', '--pem'])).out).toMatch(/^-----BEGIN CERTIFICATE-----/)
    expect((await type(a, ['cert', 'list', '--kind', 'service'])).out).toMatch(/service\/federation-gateway/)
    const rehearsed = await type(a, ['ca', 'rotate', 'plan', '--rehearse', '-o', 'json'])
    expect(rehearsed.json().rotation.holders.length).toBeGreaterThan(1)
    const none = await type(a, ['ca', 'rotate', 'apply', '-o', 'json'])
    expect(none.json().error.reason).toBe('ROTATION_NOT_FOUND')
  })

  test('another operator is given a certificate, and shut out when it is revoked', async () => {
    const file = a.platform.fedctlContext
    const context = JSON.parse(readFileSync(file, 'utf8')) as object
    const folder = join(a.platform.dir, 'alice')
    const issued = await type(a, ['cert', 'issue', 'alice', '--out', folder, '-o', 'json'])
    const { serial, spiffe_id } = issued.json().certificate
    expect(spiffe_id).toBe('spiffe://a.example/operator/alice')

    const aliceContext = file.replace('fedctl.json', 'alice.json')
    writeFileSync(aliceContext, JSON.stringify({ ...context, name: 'alice', identityDir: folder }))
    const unknown = await typeIn(aliceContext, ['peer', 'list', '-o', 'json'])
    expect([unknown.exit, unknown.json().error.reason]).toEqual([4, 'OPERATOR_UNKNOWN'])
    expect(issued.json().next).toBe('fedctl operator set alice --role viewer')
    expect((await type(a, ['operator', 'set', 'alice', '--role', 'viewer'])).exit).toBe(0)
    await expect.poll(async () => (await typeIn(aliceContext, ['peer', 'list'])).exit).toBe(0)

    const said = ['cert', 'revoke', serial, '--reason', 'left the company', '-o', 'json']
    expect((await type(a, [...said, '--dry-run'])).json()).toMatchObject({ dry_run: true })
    expect((await typeIn(aliceContext, ['peer', 'list'])).exit).toBe(0)
    expect((await type(a, said)).exit).toBe(0)
    await expect.poll(async () => (await typeIn(aliceContext, ['peer', 'list'])).exit).not.toBe(0)
  })

  test('the CA is replaced step by step, and the operator is not shut out', async () => {
    const before = await type(a, ['ca', 'show', '--pem'])
    expect((await type(a, ['ca', 'rotate', 'plan'])).exit).toBe(0)
    for (const step of ['published', 'switched', 'retired']) {
      const applied = await type(a, ['ca', 'rotate', 'apply', '--step', step, '--wait=200s', '-o', 'json'])
      expect(applied.json().rotation?.step, applied.out).toBe(step)
    }
    expect((await type(a, ['ca', 'show'])).out).toMatch(/^2 +current/m)
    expect((await type(a, ['ca', 'show', '--pem'])).out).not.toBe(before.out)
    await a.untilState(onA, PeerState.ACTIVE)
    expect((await type(a, ['peer', 'show', 'b', '-o', 'json'])).json()).toMatchObject({ name: 'b' })
  })

  test('a service that is down costs its columns; one that everything needs is named', async () => {
    const file = a.platform.fedctlContext
    const context = JSON.parse(readFileSync(file, 'utf8')) as { services: Record<string, string> }
    const without = (service: string) => {
      const changed = file.replace('fedctl.json', `without-${service}.json`)
      writeFileSync(
        changed,
        JSON.stringify({ ...context, services: { ...context.services, [service]: '127.0.0.1:1' } }),
      )
      return changed
    }
    const list = await typeIn(without('liveness'), ['peer', 'list'])
    expect(list.out).toMatch(/^b +(active|degraded) +- /m)
    expect(list.out).toMatch(/1 service did not answer.*\n {2}liveness: /)
    const status = await typeIn(without('liveness'), ['status'])
    expect(status.out).toMatch(/liveness +unreachable/)
    expect(status.exit).toBe(3)
    const none = await typeIn(without('peer-registry'), ['peer', 'list', '-o', 'json'])
    expect(none.json().error).toMatchObject({ reason: 'UNAVAILABLE', exit_code: 1 })
  })

  test('revoke ends it on both sides, and re-peer begins anew', async () => {
    const revoked = await type(a, ['peer', 'revoke', 'b', '--reason', 'the end', '--wait=200s', '-o', 'json'])
    expect(revoked.json().peer.state).toBe('revoked')
    const { peers } = (await type(b, ['peer', 'list', '-o', 'json'])).json()
    expect(peers.find(({ name }) => name === 'a')?.state).toBe('revoked')

    const anew = await type(a, ['peer', 're-peer', 'b', '-o', 'json'])
    const accepted = await type(b, ['peer', 'accept', '-', '--wait=200s', '-o', 'json'], anew.json().invitation.text)
    expect(accepted.json().peer?.state, accepted.out).toBe('active')
  })
})
