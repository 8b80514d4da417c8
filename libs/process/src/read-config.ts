import type { z } from 'zod'

/** Start-up configuration that cannot be used. Names every problem at once, and never shows a value. */
export class ConfigInvalid extends Error {
  override readonly name = 'ConfigInvalid'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`the configuration cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

/**
 * Reads configuration from the environment, or throws `ConfigInvalid` with all that is wrong.
 *
 * A variable set to nothing counts as not set: that is what `NAME=` in an environment file means.
 * The fix printed beside a problem is the variable's own `.describe(…)`, so each field SHOULD carry one.
 */
export function readConfig<T>(schema: z.ZodType<T>, env: Readonly<Record<string, string | undefined>>): T {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const read = schema.safeParse(set)
  if (read.success) return read.data
  throw new ConfigInvalid(read.error.issues.map((issue) => problemOf(schema, set, issue)))
}

function problemOf(schema: z.ZodType, set: Record<string, unknown>, issue: z.core.$ZodIssue): string {
  const variable = issue.path[0]
  if (typeof variable !== 'string') return issue.message
  const said = variable in set ? issue.message : 'is not set'
  const expected = descriptionOf(schema, variable)
  return expected ? `${variable}: ${said}; set it to ${expected}` : `${variable}: ${said}`
}

/** What the schema says about one variable, when some layer of it is an object whose field carries a description. */
function descriptionOf(schema: z.ZodType, variable: string): string | undefined {
  for (const layer of layersOf(schema)) {
    if (!('shape' in layer)) continue
    const field = (layer.shape as Record<string, z.ZodType | undefined>)[variable] // only objects have a shape
    return field && layersOf(field).find(({ description }) => description)?.description
  }
  return undefined
}

/** The schema, and what it wraps: the inside of `.transform(…)`, `.default(…)` and `.optional()`. */
function layersOf(schema: z.ZodType): z.ZodType[] {
  const { in: before, innerType } = schema.def as { in?: z.ZodType; innerType?: z.ZodType } // as zod names them
  const inside = before ?? innerType
  return inside ? [schema, ...layersOf(inside)] : [schema]
}
