import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { expect, test } from 'vitest'
import { callerOf, callerText, mount, Refusal, type CallersTable, type OperatorLookup } from '../index.ts'
import {
  everyOperator,
  expectRefusal,
  partly,
  startTestServer,
  startTestServerFor,
  thumbprintOf,
  type TestCaller,
} from '../testing.ts'

const ALICE = { kind: 'operator', name: 'alice' } as const
const DOOR = { kind: 'service', name: 'operator-gateway' } as const

const CALLERS: CallersTable<typeof CertificateAuthorityService> = {
  getAuthority: ['system.federation.read', 'service/liveness'],
  listCertificates: ['system.federation.read', 'system.federation_ca.manage'],
  issueCertificate: ['system.federation_ca.manage'],
  renewOwnCertificate: ['operator', 'service/liveness'],
  revokeCertificate: ['system.federation_ca.manage'],
  revokeIdentity: [],
  watchTrust: ['system.federation.read', 'service/liveness'],
  reportTrust: ['service/liveness'],
  planRotation: ['system.federation_ca.manage'],
  getRotation: ['system.federation.read'],
  applyRotation: ['system.federation_ca.manage'],
}

const mounted = mount(
  CertificateAuthorityService,
  partly(CertificateAuthorityService, {
    getAuthority: (_, context) => ({ trustDomain: said(callerOf(context)) }),
    listCertificates: () => ({}),
    async *watchTrust() {
      yield { sequence: 1n }
      await new Promise(() => {}) // a handler that does not listen to its signal
    },
    renewOwnCertificate: (_, context) => ({ chain: [Buffer.from(said(callerOf(context)))] }),
  }),
  CALLERS,
)

function said(caller: ReturnType<typeof callerOf>): string {
  return caller.kind === 'operator'
    ? `${callerText(caller)} ${caller.by} ${caller.agent ? 'agent' : 'person'} ${[...caller.permissions].join(' ')}`
    : callerText(caller)
}

/** Takes the token `for-<name>` for that name, and writes down what it was shown. */
function takesTokens(): OperatorLookup & { readonly shown: object[] } {
  const shown: object[] = []
  return {
    shown,
    async identify({ holder, certificateSha256, token }) {
      shown.push({ holder: callerText(holder), certificateSha256, token })
      if (token !== undefined && !token.startsWith('for-')) throw new Refusal('TOKEN_INVALID', 'the token is not one')
      const name = token?.slice(4) ?? holder.name
      const permissions = new Set(['system.federation.read'] as const)
      return { kind: 'operator', name, permissions, agent: false, by: token === undefined ? 'certificate' : 'token' }
    },
  }
}

test('an operator is answered with any permission of the row, and the handler knows what else it may', async () => {
  const server = startTestServer(mounted)
  const permissions = ['system.federation.read', 'system.federation.spawn'] as const
  const client = server.clientAs(CertificateAuthorityService, { ...ALICE, permissions, agent: true })
  const { trustDomain } = await client.getAuthority({})
  expect(trustDomain).toBe('operator/alice certificate agent system.federation.read system.federation.spawn')
  await expect(client.listCertificates({})).resolves.toBeDefined()
  expect(server.logged()[0]).toMatchObject({ caller: 'operator/alice', by: 'certificate', outcome: 'ok' })
})

test('one without it is told which permission it takes', async () => {
  const client = startTestServer(mounted).clientAs(CertificateAuthorityService, {
    ...ALICE,
    permissions: ['system.federation.read'],
  })
  const refusal = await expectRefusal(client.revokeCertificate({ serial: 'a' }), 'PERMISSION_MISSING')
  expect(refusal.metadata).toMatchObject({ caller: 'operator/alice', permission: 'system.federation_ca.manage' })
  expect(refusal.next).toContain('fedctl operator whoami')
})

test('who it is and what it may is settled before anything of the body is read', async () => {
  const server = startTestServer(mounted)
  const client = server.clientAs(CertificateAuthorityService, { ...ALICE, permissions: [] })
  const tooLarge = client.revokeCertificate({ serial: 'NOT HEX', reason: 'x'.repeat(2_000_000) })
  await expectRefusal(tooLarge, 'PERMISSION_MISSING')
})

test('an agent that was stopped still looks, and does nothing else: not even what no approval stands in front of', async () => {
  const halted: OperatorLookup = {
    async identify(credentials, signal) {
      return { ...(await everyOperator.identify(credentials, signal)), agent: true, halted: 'smoke' }
    },
  }
  const client = startTestServerFor(halted, mounted).clientAs(CertificateAuthorityService, ALICE)
  await expect(client.getAuthority({})).resolves.toBeDefined()
  const refusal = await expectRefusal(client.revokeCertificate({ serial: 'a' }), 'AUTONOMY_HALTED')
  expect(refusal.message).toContain('smoke')
})

test('an operator’s own certificate is nobody’s permission: it is kept though nobody knows what operators may', async () => {
  const nobodyKnows: OperatorLookup = {
    identify: () => Promise.reject(new Refusal('POLICY_STALE', 'nothing is known of operators')),
  }
  const client = startTestServerFor(nobodyKnows, mounted).clientAs(CertificateAuthorityService, ALICE)
  const { chain } = await client.renewOwnCertificate({ csrDer: Buffer.from('a') })
  expect(chain.map((der) => Buffer.from(der).toString())).toEqual(['operator/alice certificate person '])
  await expectRefusal(client.getAuthority({}), 'POLICY_STALE')
})

test('a token says who the operator is, and the log how that was shown', async () => {
  const operators = takesTokens()
  const server = startTestServerFor(operators, mounted)
  const headers = { authorization: 'bearer   for-bob' }
  for (const holder of [ALICE, DOOR]) {
    const { trustDomain } = await server.clientAs(CertificateAuthorityService, holder).getAuthority({}, { headers })
    expect(trustDomain).toBe('operator/bob token person system.federation.read')
    expect(operators.shown.at(-1)).toEqual({
      holder: callerText(holder),
      certificateSha256: thumbprintOf(holder),
      token: 'for-bob',
    })
  }
  expect(server.logged()[0]).toMatchObject({ caller: 'operator/bob', by: 'token' })
})

test('a token is no certificate: it renews none, neither the caller’s nor that of whom it is for', async () => {
  const server = startTestServerFor(takesTokens(), mounted)
  const headers = { authorization: 'Bearer for-bob' }
  const client = server.clientAs(CertificateAuthorityService, ALICE)
  await expectRefusal(client.renewOwnCertificate({ csrDer: Buffer.from('a') }, { headers }), 'CALLER_NOT_ALLOWED')
})

test('a bad token is refused though the certificate alone would do: nobody acts as another than they mean', async () => {
  const client = startTestServerFor(takesTokens(), mounted).clientAs(CertificateAuthorityService, ALICE)
  for (const authorization of ['Bearer nonsense', 'Bearer ']) {
    await expectRefusal(client.getAuthority({}, { headers: { authorization: `${authorization}x` } }), 'TOKEN_INVALID')
  }
})

test('no other service can speak for operators: its token is not looked at', async () => {
  const operators = takesTokens()
  const server = startTestServerFor(operators, mounted)
  const headers = { authorization: 'Bearer for-bob' }
  const asLiveness = server.clientAs(CertificateAuthorityService, { kind: 'service', name: 'liveness' })
  expect((await asLiveness.getAuthority({}, { headers })).trustDomain).toBe('service/liveness')
  await expectRefusal(asLiveness.listCertificates({}, { headers }), 'CALLER_NOT_ALLOWED')
  const asDoor = server.clientAs(CertificateAuthorityService, DOOR)
  await expectRefusal(asDoor.getAuthority({}), 'CALLER_NOT_ALLOWED')
  expect(operators.shown).toEqual([])
})

test('a stream that an operator reads ends within a second or two once it may read it no more', async () => {
  let mayRead = true
  const operators: OperatorLookup = {
    async identify(credentials) {
      if (mayRead) return everyOperator.identify(credentials, new AbortController().signal)
      throw new Refusal('OPERATOR_PAUSED', 'for now')
    },
  }
  const server = startTestServerFor(operators, mounted)
  const read = (caller: TestCaller) =>
    server.clientAs(CertificateAuthorityService, caller).watchTrust({})[Symbol.asyncIterator]()
  const streams = [read(ALICE), read({ kind: 'service', name: 'liveness' })] as const
  for (const stream of streams) expect((await stream.next()).value?.sequence).toBe(1n)
  const [ofOperator, ofService] = streams.map((stream) => stream.next())
  mayRead = false
  await expectRefusal(ofOperator!, 'OPERATOR_PAUSED')
  expect(server.logged()).toEqual([expect.objectContaining({ outcome: 'OPERATOR_PAUSED', caller: 'operator/alice' })])
  server.stop()
  await expectRefusal(ofService!, 'SERVICE_UNAVAILABLE')
})

test('a node is let in where a row says so, as the uuid of its certificate, and nowhere else; a token makes it nobody else', async () => {
  const uuid = '019f0000-0000-7000-8000-000000000001'
  const forNodes = mount(
    CertificateAuthorityService,
    partly(CertificateAuthorityService, {
      renewOwnCertificate: (_, context) => ({ chain: [Buffer.from(said(callerOf(context)))] }),
      getAuthority: () => ({}),
      watchTrust: () => (async function* () {})(), // oxlint-disable-line no-empty-function -- says nothing
    }),
    { ...CALLERS, renewOwnCertificate: ['instance'], watchTrust: ['service/*'] },
  )
  const node = startTestServer(forNodes).clientAs(CertificateAuthorityService, { kind: 'instance', name: uuid })
  const { chain } = await node.renewOwnCertificate(
    { csrDer: Buffer.from('csr') },
    { headers: { authorization: 'Bearer for-alice' } },
  )
  expect(Buffer.from(chain[0] ?? []).toString()).toBe(`instance/${uuid}`)
  await expectRefusal(node.getAuthority({}), 'CALLER_NOT_ALLOWED')
  await expectRefusal(node.watchTrust({})[Symbol.asyncIterator]().next(), 'CALLER_NOT_ALLOWED')
})
