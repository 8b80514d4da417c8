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
 * A taken port is replaced and told of, never waited for.
 */
export async function choosePorts(
  had: Partial<Ports>,
  base: number | undefined,
): Promise<{ ports: Ports; moved: Moved[] }> {
  const moved: Moved[] = []
  const chosen = new Map<PortName, number>()
  for (const port of PORT_NAMES) {
    const wanted = had[port] ?? (base === undefined ? undefined : base + PORTS[port])
    if (wanted !== undefined && ![...chosen.values()].includes(wanted) && (await isPortFree(wanted))) {
      chosen.set(port, wanted)
      continue
    }
    const got = await unused(chosen)
    chosen.set(port, got)
    if (wanted !== undefined) moved.push({ port, wanted, got })
  }
  return { ports: Object.fromEntries(chosen) as Ports, moved } // one entry for every name, by the loop
}

async function unused(chosen: ReadonlyMap<PortName, number>): Promise<number> {
  for (;;) {
    const port = await freePort()
    if (![...chosen.values()].includes(port)) return port
  }
}
