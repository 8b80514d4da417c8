import { join, relative } from 'node:path'
import { type Painter } from '../display.ts'
import { type Platform } from '../platform.ts'
import { type Side } from './fedctl.ts'

/** Lines to paste: how to reach the running platforms with fedctl, grpcurl and curl. */
export function hints(a: Platform, b: Platform, to: Painter): string {
  const registry = `127.0.0.1:${a.ports['peer-registry']}`
  const grpcurl = 'grpcurl -cacert $I/roots.pem -cert $I/cert.pem -key $I/key.pem'
  const fedctl = `npx fedctl --context ${contextOf(a)}`
  const sections: [string, string[]][] = [
    [
      `fedctl, as an operator of A (of B: --context ${contextOf(b)})`,
      [
        'status',
        'peer list',
        'peer show b',
        'doctor peer b',
        'remediation list',
        'version simulate 2.0.0',
        'grant list',
        'audit status',
        'audit log b',
        'audit reconcile b',
        'net show demo',
        'net why hub web icmp6',
        'events watch',
      ].map((words) => `${fedctl} ${words}`),
    ],
    [
      'grpcurl, by reflection over mutual TLS',
      [
        `I=${shown(a.operatorDir)}`,
        `${grpcurl} ${registry} list`,
        `${grpcurl} ${registry} powernode.peer.v1.PeerRegistryService/ListPeers`,
        `${grpcurl} 127.0.0.1:${a.ports['sdwan-compiler']} powernode.sdwan.v1.SdwanService/ListNodes`,
        `${grpcurl} 127.0.0.1:${a.ports.door} grpc.health.v1.Health/Check`,
      ],
    ],
    [
      'curl, the same as JSON',
      [
        `curl --cacert $I/roots.pem --cert $I/cert.pem --key $I/key.pem -H 'content-type: application/json' -d '{}' \\`,
        `  https://${registry}/powernode.peer.v1.PeerRegistryService/ListPeers`,
      ],
    ],
  ]
  const text = sections.map(([title, lines]) => `  ${to.dim(title)}\n${lines.map((line) => `    ${line}\n`).join('')}`)
  return `\n${text.join('\n')}\n${portTable([a, b], to)}`
}

/** The same for a platform and the child it made. */
export function spawnHints(a: Platform, hostname: string, child: Side | undefined, to: Painter): string {
  const atA = [`child show ${hostname}`, 'child list', `instance show ${hostname}`, `peer show ${hostname}`, 'events list --kind federation.spawn.', `child terminate ${hostname} --dry-run`] // prettier-ignore
  const atChild = ['status', 'peer list', 'grant list', 'policy list']
  const lines = (side: Side, all: readonly string[]) =>
    all.map((words) => `    npx fedctl --context ${contextOf(side)} ${words}\n`).join('')
  const parts = [`  ${to.dim('fedctl, as an operator of A')}\n${lines(a, atA)}`]
  if (child) parts.push(`  ${to.dim('as an operator of the child')}\n${lines(child, atChild)}`)
  return `\n${parts.join('\n')}`
}

/** A name where fedctl finds it by one, else the file. */
const contextOf = ({ name, fedctlContext }: Side) =>
  relative(process.cwd(), fedctlContext) === join('.data', name, 'fedctl.json') ? name : shown(fedctlContext)

/** The shorter of the path from here and the whole path. */
function shown(path: string): string {
  const fromHere = relative(process.cwd(), path)
  return fromHere === '' ? '.' : fromHere.startsWith('..') ? path : fromHere
}

/** Which server is where. */
function portTable(platforms: readonly Platform[], to: Painter): string {
  const names = [
    'door',
    'peer-registry',
    'federation-gateway',
    'liveness',
    'audit-ledger',
    'grant-authz',
    'spawn-provisioner',
    'sdwan-compiler',
  ] as const
  const head = ['', ...names.map((name) => (name === 'door' ? "peers' door" : name)), 'logs']
  const rows = platforms.map((platform) => [
    platform.name.toUpperCase(),
    ...names.map((name) => String(platform.ports[name])),
    shown(join(platform.dir, 'log')),
  ])
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    `  ${cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()}\n`
  return `${to.dim(line(head))}${rows.map(line).join('')}`
}
