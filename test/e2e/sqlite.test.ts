import { endToEnd } from './end-to-end.ts';

endToEnd({ name: 'connect-medic beside the real stack', replicas: 1 });
