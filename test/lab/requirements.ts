import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The tools of the lab: where each is looked for beside PATH, and the Debian package that brings it. */
const TOOLS = {
  ip: { package: 'iproute2' },
  setpriv: { package: 'util-linux' },
  nsenter: { package: 'util-linux' },
  nft: { package: 'nftables' },
  'wireguard-go': { package: 'wireguard-go' },
  wg: { package: 'wireguard-tools' },
  zebra: { package: 'frr' },
  staticd: { package: 'frr' },
  bgpd: { package: 'frr' },
  vtysh: { package: 'frr' },
  'frr-reload.py': { package: 'frr-pythontools' },
  'ovn-nbctl': { package: 'ovn-central' },
  'ovn-northd': { package: 'ovn-central' },
  'ovn-controller': { package: 'ovn-host' },
  'ovs-vswitchd': { package: 'openvswitch-switch' },
  ethtool: { package: 'ethtool' },
  ping: { package: 'iputils-ping' },
  conntrack: { package: 'conntrack' },
} as const

export type Tool = keyof typeof TOOLS

const EVERYTHING = Object.keys(TOOLS).filter((name): name is Tool => name in TOOLS)
const PLACES = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/lib/frr']

/** Where a tool of the lab lies; undefined where its package is not installed. */
export function whereIs(tool: Tool): string | undefined {
  return PLACES.filter(Boolean)
    .map((place) => join(place, tool))
    .find(canRun)
}

/** Debian packages of which a tool is missing here. */
export function missingPackages(tools: readonly Tool[] = EVERYTHING): string[] {
  return [...new Set(tools.filter((tool) => !whereIs(tool)).map((tool) => TOOLS[tool].package))].toSorted()
}

/** Why these tools cannot be tried on this machine, in words that say what to do; undefined where they can. */
export function whyNoLab(tools: readonly Tool[] = EVERYTHING): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are a thing of Linux'
  if (process.getuid?.() !== 0) return 'only root makes network namespaces'
  const missing = missingPackages(['ip', 'setpriv', 'nsenter', ...tools])
  return missing.length > 0 ? `apt-get install ${missing.join(' ')}` : undefined
}

/**
 * For `describe.skipIf(labSkip([...]))`: true, with a line that says why, where the lab cannot be had; where
 * POWERNODE_REQUIRE_LAB=1, as .ci/run has it, that is a failure of the file.
 */
export function labSkip(tools: readonly Tool[] = EVERYTHING): boolean {
  const why = whyNoLab(tools)
  if (why === undefined) return false
  if (process.env['POWERNODE_REQUIRE_LAB'] === '1') throw new Error(`the lab is required and not here: ${why}`)
  process.stdout.write(`skipped: the network lab is not here: ${why}\n`)
  return true
}

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
