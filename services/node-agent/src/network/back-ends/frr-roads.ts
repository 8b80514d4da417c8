const ROAD = /^(?:ip|ipv6) route /

/**
 * Commands of vtysh that take away the routes of a running configuration that are not wanted any more. frr-reload.py says that behind
 * the last router that it changes, where `vrf` is another word: such a route would stay, and one of another table might go for it.
 */
export function roadsToRemove(running: string, wanted: string): readonly string[] {
  const kept = new Set(roadsIn(wanted).map(({ table, road }) => `${table} ${road}`))
  const gone = roadsIn(running).filter(({ table, road }) => !kept.has(`${table} ${road}`))
  const byTable = [...Map.groupBy(gone, ({ table }) => table)]
  const commands = byTable.flatMap(([table, roads]) => {
    const each = roads.map(({ road }) => `no ${road}`)
    return table === '' ? each : [table, ...each, 'exit']
  })
  return commands.length === 0 ? [] : ['configure terminal', ...commands]
}

/** A configuration without its routes from table to table. */
export const withoutRoads = (config: string): string =>
  config
    .split('\n')
    .filter((line) => !ROAD.test(line.trim()))
    .join('\n')

type Road = { readonly table: string; readonly road: string }

/** `table` is the line of the VRF that a route stands under; empty: of none. */
function roadsIn(config: string): readonly Road[] {
  const roads: Road[] = []
  let table = ''
  for (const raw of config.split('\n')) {
    const line = raw.trim()
    if (raw.startsWith('vrf ')) table = line
    else if (raw !== '' && !raw.startsWith(' ')) table = ''
    if (ROAD.test(line)) roads.push({ table, road: line })
  }
  return roads
}
