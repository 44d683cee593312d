import { asDocumented, bare, keepsConnections, idle, websocketsOverHttp2 } from './checks.mjs';

asDocumented('haproxy');
bare('haproxy');
idle('haproxy');
keepsConnections('haproxy');
websocketsOverHttp2('haproxy');
