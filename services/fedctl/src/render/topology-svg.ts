import type {
  GetTopologyResponse,
  GetTopologyResponse_Edge as Edge,
  GetTopologyResponse_Vertex as Vertex,
} from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'

type Point = { readonly x: number; readonly y: number }

const RADIUS = 26
const ROOM = 90
const INNER = new Set(['hub'])
const OUTSIDE = new Set(['federation_peer'])
const COLOURS: Readonly<Record<string, string>> = {
  active: '#2e7d32',
  degraded: '#ef6c00',
  disconnected: '#c62828',
  pending: '#9e9e9e',
}
const DASHES: Readonly<Record<string, string>> = { ibgp: '6 4', ebgp: '2 4' }

/** A network as a picture: hubs in the middle, members around them, federated platforms outside. Equal networks, equal pictures. */
export function topologySvg({ network, vertices, edges }: GetTopologyResponse): string {
  const places = placed(vertices)
  const size = 2 * (Math.max(ROOM, ...[...places.values()].map(({ x, y }) => Math.hypot(x, y))) + ROOM)
  const half = size / 2
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${round(size)}" height="${round(size)}" viewBox="${round(-half)} ${round(-half)} ${round(size)} ${round(size)}" font-family="sans-serif" font-size="11" text-anchor="middle">`,
    `<title>${escaped(network?.name ?? 'network')}</title>`,
    '<rect x="-50%" y="-50%" width="100%" height="100%" fill="#ffffff"/>',
    ...edges.flatMap((edge) => line(edge, places)),
    ...vertices.map((vertex) => node(vertex, places.get(vertex.memberId) ?? { x: 0, y: 0 })),
    '</svg>',
    '',
  ].join('\n')
}

/** Hubs on an inner ring, the others on one that has room for them, peers on the outermost. */
function placed(vertices: readonly Vertex[]): Map<string, Point> {
  const rings = [
    vertices.filter(({ role }) => INNER.has(role)),
    vertices.filter(({ role }) => !INNER.has(role) && !OUTSIDE.has(role)),
    vertices.filter(({ role }) => OUTSIDE.has(role)),
  ]
  const places = new Map<string, Point>()
  let radius = 0
  for (const ring of rings) {
    if (ring.length === 0) continue
    const needed = (ring.length * ROOM) / (2 * Math.PI)
    radius = places.size === 0 && ring.length === 1 ? 0 : Math.max(radius + 1.4 * ROOM, needed)
    ring.forEach(({ memberId }, at) => {
      const angle = (2 * Math.PI * at) / ring.length - Math.PI / 2
      places.set(memberId, { x: radius * Math.cos(angle), y: radius * Math.sin(angle) })
    })
  }
  return places
}

function line({ from, to, kind, status }: Edge, places: ReadonlyMap<string, Point>): string[] {
  const [start, end] = [places.get(from), places.get(to)]
  if (!start || !end) return []
  const dash = DASHES[kind] === undefined ? '' : ` stroke-dasharray="${DASHES[kind]}"`
  // A session runs over a tunnel: drawn beside it, so that both are seen.
  const aside = kind === 'wireguard' ? 0 : 5
  const length = Math.hypot(end.x - start.x, end.y - start.y) || 1
  const [dx, dy] = [(-(end.y - start.y) / length) * aside, ((end.x - start.x) / length) * aside]
  const at = (point: Point) => [round(point.x + dx), round(point.y + dy)]
  const [[x1, y1], [x2, y2]] = [at(start), at(end)]
  return [
    `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${COLOURS[status] ?? '#616161'}" stroke-width="1.5"${dash}><title>${escaped(`${kind} ${status}`.trim())}</title></line>`,
  ]
}

function node({ memberId, name, role, address, status }: Vertex, { x, y }: Point): string {
  const stroke = COLOURS[status] ?? '#616161'
  const style = `fill="${role === 'hub' ? '#e3f2fd' : '#ffffff'}" stroke="${stroke}" stroke-width="2"`
  const shape = OUTSIDE.has(role)
    ? `<rect x="${round(x - RADIUS)}" y="${round(y - RADIUS)}" width="${2 * RADIUS}" height="${2 * RADIUS}" rx="6" ${style}/>`
    : `<circle cx="${round(x)}" cy="${round(y)}" r="${RADIUS}" ${style}/>`
  const label = `<text x="${round(x)}" y="${round(y + 4)}">${escaped(cut(name || memberId))}</text>`
  const place = `<text x="${round(x)}" y="${round(y + RADIUS + 14)}" font-size="9" fill="#616161">${escaped(address)}</text>`
  return `<g><title>${escaped([name, role, status].filter(Boolean).join(', '))}</title>${shape}${label}${place}</g>`
}

const cut = (text: string): string => (text.length > 12 ? `${text.slice(0, 11)}…` : text)
const round = (value: number): number => Math.round(value * 10) / 10
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
