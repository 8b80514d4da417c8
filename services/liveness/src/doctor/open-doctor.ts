import { createRouterTransport } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { witnessesBy, type Server } from '@powernode/doctor'
import { DoctorService } from '@powernode/proto/powernode/doctor/v1/service_pb.ts'
import { mount, openTransport, type Mount, type TransportOptions } from '@powernode/rpc'
import type { Config } from '../config.ts'
import { DOCTOR_CALLERS, doctorHandlers, type Road } from '../rpc/doctor.ts'

type Around = {
  readonly config: Config
  readonly clock: Clock
  readonly way: Omit<TransportOptions, 'address' | 'server'>
  /** What this process serves beside: asked without a network, since the one who asks is in the same house. */
  readonly own: readonly Mount[]
}

/** The doctor: it keeps nothing and changes nothing, and asks those who know. Its roads are open until `signal` aborts. */
export function openDoctor({ config, clock, way, own }: Around, signal: AbortSignal): Mount {
  const inHouse = createRouterTransport((router) => {
    for (const { route } of own) route(router)
  })
  const addresses = {
    'peer-registry': config.peerRegistryAddress,
    'federation-gateway': config.gatewayAddress,
    'audit-ledger': config.auditLedgerAddress,
    'grant-authz': config.grantAuthzAddress,
    'spawn-provisioner': config.spawnProvisionerAddress,
    'sdwan-compiler': config.sdwanCompilerAddress,
  } as const satisfies Record<Exclude<Server, 'liveness'>, unknown>
  const roads = new Map<Server, ReturnType<Road>>([['liveness', inHouse]])
  const road: Road = (server) => {
    const known = roads.get(server)
    if (known || server === 'liveness') return known ?? inHouse
    const opened = openTransport({ ...way, server, address: addresses[server] }, signal)
    roads.set(server, opened)
    return opened
  }
  const servers: readonly Server[] = ['liveness', ...(Object.keys(addresses) as (keyof typeof addresses)[])] // its own keys
  return mount(DoctorService, doctorHandlers({ clock, servers, road, witnesses: witnessesBy(road) }), DOCTOR_CALLERS)
}
