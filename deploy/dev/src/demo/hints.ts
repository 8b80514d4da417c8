import { relative } from 'node:path'
import { type Painter } from '../display.ts'
import { type Platform } from '../platform.ts'

/** Lines to paste: how to reach a running platform with fedctl, grpcurl and curl. */
export function hints(a: Platform, b: Platform, to: Painter): string {
  const from = relative(process.cwd(), a.operatorDir) || '.'
  const files = { ca: `${from}/roots.pem`, cert: `${from}/cert.pem`, key: `${from}/key.pem` }
  const registry = `127.0.0.1:${a.ports['peer-registry']}`
  const door = `127.0.0.1:${a.ports.door}`
  const grpcurl = `grpcurl -cacert ${files.ca} -cert ${files.cert} -key ${files.key}`
  const lines: [string, string[]][] = [
    [
      'fedctl, as an operator of A (or B: --context b)',
      [
        'npx fedctl --context a status',
        'npx fedctl --context a peer list',
        'npx fedctl --context a events watch',
        'npx fedctl --context a audit log',
      ],
    ],
    [
      'grpcurl, by reflection over mutual TLS',
      [
        `${grpcurl} ${registry} list`,
        `${grpcurl} ${registry} powernode.peer.v1.PeerRegistryService/ListPeers`,
        `${grpcurl} ${door} grpc.health.v1.Health/Check`,
      ],
    ],
    [
      'curl, the same call as JSON',
      [
        `curl --cacert ${files.ca} --cert ${files.cert} --key ${files.key} -H 'content-type: application/json' -d '{}' \\\n` +
          `      https://${registry}/powernode.peer.v1.PeerRegistryService/ListPeers`,
      ],
    ],
  ]
  const text = lines.map(
    ([title, commands]) => `  ${to.dim(title)}\n${commands.map((command) => `    ${command}\n`).join('')}`,
  )
  return `\n${text.join('\n')}\n${portTable([a, b], to)}`
}

/** Which server is where. */
function portTable(platforms: readonly Platform[], to: Painter): string {
  const names = ['door', 'peer-registry', 'federation-gateway', 'liveness', 'audit-ledger', 'grant-authz'] as const
  const head = ['', ...names.map((name) => (name === 'door' ? "peers' door" : name)), 'logs']
  const rows = platforms.map((platform) => [
    platform.name.toUpperCase(),
    ...names.map((name) => String(platform.ports[name])),
    `${relative(process.cwd(), platform.dir) || '.'}/log/`,
  ])
  const widths = head.map((title, column) =>
    Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0), title.length),
  )
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}\n`
  return `${to.dim(line(head))}${rows.map(line).join('')}`
}
