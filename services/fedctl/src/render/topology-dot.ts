import type { GetTopologyResponse } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'

const SHAPES: Readonly<Record<string, string>> = { hub: 'box', federation_peer: 'doubleoctagon' }
const STYLES: Readonly<Record<string, string>> = { wireguard: 'solid', ibgp: 'dashed', ebgp: 'dotted' }

/** A network for Graphviz (https://graphviz.org/doc/info/lang.html): `fedctl net topology <network> --dot | dot -Tpng`. */
export function topologyDot({ network, vertices, edges }: GetTopologyResponse): string {
  return [
    `graph ${quoted(network?.slug ?? 'network')} {`,
    '  layout=neato; overlap=false; node [fontname="sans-serif", fontsize=10];',
    ...vertices.map(({ memberId, name, role, address }) => {
      const label = [name || memberId, address].filter((line) => line !== '')
      return `  ${quoted(memberId)} [shape=${SHAPES[role] ?? 'ellipse'}, label=${quoted(label.join('\n'))}];`
    }),
    ...edges.map(({ from, to, kind, status }) => {
      const colour = status === 'degraded' || status === 'disconnected' ? 'red' : 'black'
      return `  ${quoted(from)} -- ${quoted(to)} [style=${STYLES[kind] ?? 'solid'}, color=${colour}];`
    }),
    '}',
    '',
  ].join('\n')
}

/** In DOT a quoted text escapes its quotes; backslashes begin an escape for a new line. */
const quoted = (text: string): string =>
  `"${text
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`)}"`
