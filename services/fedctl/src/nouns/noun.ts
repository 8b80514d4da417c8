import { Command } from '@commander-js/extra-typings'

/** What commands are about; the verbs are added to it. */
export const noun = (name: string, description: string) => new Command(name).description(description)
