/** The first module of a worker in Node: it serves one instance of the thread that started it. */
import { inThread } from "../runtime/in-thread.ts";
import { serve } from "../worker/serve.ts";
import { starter } from "./channel.ts";
import { nodePlatform } from "./platform.ts";

serve(starter(), inThread, nodePlatform);
