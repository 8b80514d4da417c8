import type { By } from '../../events.ts'
import type { Us } from '../../platform.ts'

/** What an act is given, at the door where it is asked for and at the one where it is carried out once approved. */
export type Asked<Request> = { readonly us: Us; readonly by: By; readonly req: Request }
