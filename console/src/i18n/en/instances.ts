export const instances = {
  title: "Instances",
  none: "There is no instance that this access key may see.",
  note: "Each has its domains, CAs, devices and brokers.",
  create: "Create an instance",
  made: (id: string) => `Instance ${id} is there.`,
  id: "Instance ID",
  idDrawn: "Left empty, one is drawn.",
  name: "Name",
  created: "Created",
  edition: "Edition",
  editionNote: "Only platinum and professional have multi-domain certificates.",
  editions: { platinum: "Platinum", professional: "Professional", standard: "Standard" } as Record<string, string>,
};
