import { freePort, holdPort, isPortFree } from './free-port.ts'

/** Every port of one platform, as an offset from its base: a person finds the same service at the same last digits. */
export const PORTS = {
  /** Where peers and operators with grpcurl knock: the gateway's gRPC server. */
  door: 43,
  /** Where audit-ledger shows its logs over HTTPS. */
  tlog: 44,
  postgres: 32,
  /** Where the replica of a parent's database answers, once it has been promoted. */
  replica: 33,
  nats: 22,
  'peer-registry': 1,
  'federation-gateway': 2,
  liveness: 3,
  'audit-ledger': 4,
  'grant-authz': 5,
  'spawn-provisioner': 6,
  'sdwan-compiler': 7,
  'peer-registry-metrics': 11,
  'federation-gateway-metrics': 12,
  'liveness-metrics': 13,
  'audit-ledger-metrics': 14,
  'grant-authz-metrics': 15,
  'spawn-provisioner-metrics': 16,
  'sdwan-compiler-metrics': 17,
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

export type Chosen = {
  readonly ports: Ports
  readonly moved: readonly Moved[]
  /** Gives the block back. */
  readonly release: () => void
}

/**
 * Chooses the ports of a platform: those it had before, else those of `base`, else any that are free.
 *
 * A taken port is replaced and told of, never waited for. A new platform of which a port is taken moves as a whole, so
 * that its ports still end in the same digits. Two platforms that choose at the same moment would both find the same
 * ports free; so the base itself, which nothing else uses, is held for as long as the platform runs.
 */
export async function choosePorts(had: Partial<Ports>, base: number | undefined): Promise<Chosen> {
  if (had.door !== undefined || base === undefined) return portsAsBefore(had)
  for (let from = base; from < base + STEPS * STEP; from += STEP) {
    const release = await holdPort(from)
    const ports = portsFrom(from)
    if (release && (await areFree(Object.values(ports))))
      return { ports, moved: differences(portsFrom(base), ports), release }
    release?.()
  }
  return { ...(await portsAsBefore({})), moved: [] }
}

/** How far a platform moves when its ports are taken: the demo's two lie side by side. */
const STEP = 200
const STEPS = 20

async function areFree(ports: readonly number[]): Promise<boolean> {
  const free = await Promise.all(ports.map((port) => isPortFree(port)))
  return !free.includes(false)
}

async function portsAsBefore(had: Partial<Ports>): Promise<Chosen> {
  const release = had.door === undefined ? undefined : await holdPort(had.door - PORTS.door)
  const chosen = new Map<PortName, number>()
  for (const port of PORT_NAMES) {
    const before = had[port]
    chosen.set(port, before !== undefined && (await isPortFree(before)) ? before : await freePort())
  }
  const ports = Object.fromEntries(chosen) as Ports // one entry for every name, by the loop
  return { ports, moved: differences(had, ports), release: release ?? (() => undefined) }
}

function differences(before: Partial<Ports>, ports: Ports): Moved[] {
  return PORT_NAMES.flatMap((port) => {
    const wanted = before[port]
    return wanted === undefined || wanted === ports[port] ? [] : [{ port, wanted, got: ports[port] }]
  })
}
