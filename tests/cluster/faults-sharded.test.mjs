// The other two modes of a sharded fleet: rows 20 to 22.
import { kinds } from './fleet.mjs';
import { trouble } from './trouble.mjs';

for (const kind of kinds.slice(2)) trouble(kind);
