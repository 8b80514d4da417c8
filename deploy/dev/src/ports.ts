import { freePort, isPortFree } from './free-port.ts'

/** Every port of one platform, as an offset from its base: a person finds the same service at the same last digits. */
export const PORTS = {
  /** Where peers and operators with grpcurl knock: the gateway's gRPC server. */
  door: 43,
  postgres: 32,
  nats: 22,
  'peer-registry': 1,
  'federation-gateway': 2,
  liveness: 3,
  'audit-ledger': 4,
  'grant-authz': 5,
  'peer-registry-metrics': 11,
  'federation-gateway-metrics': 12,
  'liveness-metrics': 13,
  'audit-ledger-metrics': 14,
  'grant-authz-metrics': 15,
} as const

export type PortName = keyof typeof PORTS
export type Ports = Readonly<Record<PortName, number>>

const PORT_NAMES = Object.keys(PORTS) as readonly PortName[] // keys of a constant

/** The ports of a platform that was given a base, whether they are free or not. */
export function portsFrom(base: number): Ports {
  return Object.fromEntries(PORT_NAMES.map((name) => [name, base + PORTS[name]])) as Ports // every name
}

/** A port that could not be had, and the one taken instead. */
export type Moved = { readonly port: PortName; readonly wanted: number; readonly got: number }

/**
 * Chooses the ports of a platform: those it had before, else those of `base`, else free ones.
 *
 * A taken port is replaced and told of, never waited for. A new platform of which a port is taken moves as a whole, so
 * that its ports still end in the same digits.
 */
export async function choosePorts(
  had: Partial<Ports>,
  base: number | undefined,
): Promise<{ ports: Ports; moved: Moved[] }> {
  const from = base === undefined || had.door !== undefined ? base : await freeBase(base)
  const chosen = new Map<PortName, number>()
  for (const port of PORT_NAMES) {
    const wanted = had[port] ?? (from === undefined ? undefined : from + PORTS[port])
    const isFree = wanted !== undefined && ![...chosen.values()].includes(wanted) && (await isPortFree(wanted))
    chosen.set(port, isFree ? wanted : await unused(chosen))
  }
  const ports = Object.fromEntries(chosen) as Ports // one entry for every name, by the loop
  const moved = PORT_NAMES.flatMap((port) => {
    const wanted = had[port] ?? (base === undefined ? undefined : base + PORTS[port])
    return wanted === undefined || wanted === ports[port] ? [] : [{ port, wanted, got: ports[port] }]
  })
  return { ports, moved }
}

/** How far a platform moves when its ports are taken: the demo's two lie side by side. */
const STEP = 200
const STEPS = 20

async function freeBase(base: number): Promise<number> {
  for (let step = 0; step < STEPS; step++) {
    const from = base + step * STEP
    const free = await Promise.all(PORT_NAMES.map((name) => isPortFree(from + PORTS[name])))
    if (!free.includes(false)) return from
  }
  return base
}

async function unused(chosen: ReadonlyMap<PortName, number>): Promise<number> {
  for (;;) {
    const port = await freePort()
    if (![...chosen.values()].includes(port)) return port
  }
}
