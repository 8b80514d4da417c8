import type { Declared } from './inventory.ts'

/** What is wrong among the kinds of an inventory: one declared twice, a dependency that there is not, or that goes round. */
export function checkDependencies(kinds: readonly Declared[]): string[] {
  const byName = new Map<string, Declared>()
  const problems: string[] = []
  for (const declared of kinds) {
    const { kind, line } = declared
    const first = byName.get(kind.kind)
    if (first) problems.push(`${line}: kind: ${kind.kind} was declared in line ${first.line} already`)
    else byName.set(kind.kind, declared)
  }
  for (const { kind, line } of byName.values()) {
    for (const name of kind.dependencies.filter((named) => !byName.has(named))) {
      problems.push(`${line}: dependencies: ${kind.kind} depends on ${name}, which is not declared`)
    }
  }
  const round = firstCycle(byName)
  if (round) {
    const line = byName.get(round[0] ?? '')?.line ?? 1
    problems.push(`${line}: dependencies: ${round.join(' depends on ')}, and so on for ever`)
  }
  return problems
}

/** The first way through dependencies that ends where it began. */
function firstCycle(kinds: ReadonlyMap<string, Declared>): string[] | undefined {
  const done = new Set<string>()
  const walk = (name: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(name)) return [...way.slice(way.indexOf(name)), name]
    if (done.has(name)) return undefined
    for (const next of kinds.get(name)?.kind.dependencies ?? []) {
      const round = walk(next, [...way, name])
      if (round) return round
    }
    done.add(name)
    return undefined
  }
  for (const name of kinds.keys()) {
    const round = walk(name, [])
    if (round) return round
  }
  return undefined
}
