import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { afterEach, expect, test } from 'vitest'
import { callerOf, createClient, mount, type CallersTable } from './index.ts'
import { partly } from './testing.ts'
import { startTlsServer, type TlsServer } from './testing/tls-server.ts'

const CALLERS: CallersTable<typeof CertificateAuthorityService> = {
  getAuthority: ['operator', 'service/liveness'],
  listCertificates: [],
  issueCertificate: [],
  renewOwnCertificate: [],
  revokeCertificate: [],
  watchTrust: ['service/liveness'],
  reportTrust: [],
  planRotation: [],
  getRotation: [],
  applyRotation: [],
}

let server: TlsServer
afterEach(() => server.stop())

async function start(handlers: Parameters<typeof partly<typeof CertificateAuthorityService>>[1]): Promise<void> {
  server = await startTlsServer(
    mount(CertificateAuthorityService, partly(CertificateAuthorityService, handlers), CALLERS),
  )
}

test('client and server meet over TLS 1.3, each knowing the other by certificate', async () => {
  await start({ getAuthority: (_, context) => ({ trustDomain: callerOf(context).name }) })
  const dir = await server.identity({ kind: 'service', name: 'liveness' })
  const client = createClient(CertificateAuthorityService, server.optionsFor(dir), server.signal)
  expect((await client.getAuthority({})).trustDomain).toBe('liveness')
})
