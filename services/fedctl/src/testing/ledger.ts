import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServiceImpl } from '@connectrpc/connect'
import { createClient, createRouterTransport } from '@connectrpc/connect'
import { FakeClock } from '@powernode/clock/testing'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import type { Clients } from '../client.ts'
import type { Environment } from '../environment.ts'
import { fedctl } from '../fedctl.ts'
import { testEnvironment } from './test-environment.ts'

export const PEER = '0198bbbb-0000-7000-8000-00000000000b'

type Answers = {
  readonly ledger?: Partial<ServiceImpl<typeof AuditLedgerService>>
  readonly border?: Partial<ServiceImpl<typeof FederationService>>
  readonly spawning?: Partial<ServiceImpl<typeof SpawnService>>
  readonly network?: Partial<ServiceImpl<typeof SdwanService>>
  readonly peers?: Partial<ServiceImpl<typeof PeerRegistryService>>
}

/** A platform with one peer, b, whose ledger (or spawn-provisioner) answers what a test wants it to. Its files are gone with `remove`. */
export function platformWith({ ledger = {}, border = {}, spawning = {}, network = {}, peers = {} }: Answers) {
  const dir = mkdtempSync(join(tmpdir(), 'fedctl-ledger-'))
  mkdirSync(join(dir, 'admin'))
  const context = join(dir, 'fedctl.json')
  writeFileSync(context, JSON.stringify({ name: 'a', trustDomain: 'a.test', identityDir: 'admin', services: {} }))
  const transport = createRouterTransport(({ service }) => {
    service(AuditLedgerService, ledger)
    service(FederationService, border)
    service(SpawnService, spawning)
    service(SdwanService, network)
    service(GrantAuthzService, {})
    service(CertificateAuthorityService, {})
    service(PeerRegistryService, {
      getPeer: () => ({ peer: { id: PEER, name: 'b' } }),
      listPeers: () => ({ peers: [{ id: PEER, name: 'b' }] }),
      ...peers,
    })
  })
  const clients = {
    peers: createClient(PeerRegistryService, transport),
    authority: createClient(CertificateAuthorityService, transport),
    ledger: createClient(AuditLedgerService, transport),
    border: createClient(FederationService, transport),
    spawning: createClient(SpawnService, transport),
    network: createClient(SdwanService, transport),
    grants: createClient(GrantAuthzService, transport),
    close: () => undefined,
  } as Partial<Clients> as Clients // the others are asked nothing here

  const clock = new FakeClock()
  return {
    dir,
    clock,
    async type(
      line: string | readonly string[],
      more: Partial<Environment> = {},
      signal = new AbortController().signal,
    ) {
      const env = testEnvironment({ cwd: dir, ...more })
      const argv = ['--context', context, ...(typeof line === 'string' ? line.split(' ') : line)]
      const exit = await fedctl(argv, { env, clock, signal, connect: () => clients })
      return { exit, ...env.said }
    },
    remove: () => rmSync(dir, { recursive: true }),
  }
}
