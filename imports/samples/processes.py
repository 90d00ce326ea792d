"""The words of a sample: business processes, each with its things, people, states and systems."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A business process: what it is about, who does it, and with which systems."""

    noun: str
    plural: str
    prefix: str
    """The letters with which numbers begin."""
    party: str
    """The other side: a customer, a supplier."""
    team: str
    system: str
    """The made-up system that a company keeps these things in."""
    partner: str
    """The made-up system of somebody else."""
    fields: tuple[str, str, str, str, str]
    """The last two are a number and a day."""
    states: tuple[str, str, str, str]
    """From new to done; the last one is the bad end."""
    questions: tuple[str, str, str]
    steps: tuple[str, str, str, str, str]
    local_names: tuple[str, str]
    """What people call the process in other languages."""


def _make_process(*lines: str) -> Process:
    """Return a process of lines in the order of its fields, each with several words."""
    things, roles, fields, states, asked, steps, local = map(_split, lines)
    noun, plural, prefix = things
    party, team, system, partner = roles
    first, second, third, amount, day = fields
    new, begun, done, bad = states
    one, two, three = asked
    step1, step2, step3, step4, step5 = steps
    here, there = local
    return Process(
        noun=noun, plural=plural, prefix=prefix,
        party=party, team=team, system=system, partner=partner,
        fields=(first, second, third, amount, day),
        states=(new, begun, done, bad),
        questions=(one, two, three),
        steps=(step1, step2, step3, step4, step5),
        local_names=(here, there),
    )  # fmt: skip


def _split(text: str) -> list[str]:
    return text.split("; ")


PROCESSES = (
    _make_process(
        "invoice; invoices; INV",
        "supplier; accounts payable; Ledgerbook; TaxGate",
        "purchaseOrder; taxCode; costCentre; netAmount; dueOn",
        "received; approved; paid; disputed",
        "Purchase order known?; Above the limit?; Tax number valid?",
        "Match the purchase order; Work the tax out; Post to the ledger; Plan the payment; "
        "Ask for a credit note",
        "Rechnungsprüfung; Contrôle des factures",
    ),
    _make_process(
        "shipment; shipments; SHP",
        "carrier; dispatch; Dockyard; ParcelWay",
        "trackingCode; incoterm; dockDoor; grossWeight; pickupOn",
        "booked; loaded; delivered; lost",
        "Label printed?; Too heavy for the van?; Crosses a border?",
        "Book the carrier; Print the label; Make the customs papers; Reserve a dock door; "
        "Tell the recipient",
        "Sendungsverfolgung; Przesyłki i kurierzy",
    ),
    _make_process(
        "ticket; tickets; TCK",
        "customer; support desk; Helpline; StatusBoard",
        "subject; topic; product; waitingHours; openedOn",
        "new; assigned; solved; escalated",
        "Known customer?; Waiting for too long?; Is it an outage?",
        "Find the product; Suggest an answer; Assign to a group; Send the survey; "
        "Link to the incident",
        "Störungsmeldungen; Suivi des demandes",
    ),
    _make_process(
        "purchase order; purchase orders; PO",
        "vendor; purchasing; Procura; OfferHub",
        "articleNumber; quoteNumber; project; orderValue; deliveryOn",
        "requested; released; received; cancelled",
        "Budget left?; Framework contract?; Two offers at hand?",
        "Check the budget; Ask for offers; Release the order; Send it to the vendor; "
        "Book the goods receipt",
        "Bestellfreigabe; Godkendelse af indkøb",
    ),
    _make_process(
        "return; returns; RET",
        "shopper; returns team; Backroom; LabelPoint",
        "orderNumber; reason; condition; refundAmount; arrivedOn",
        "announced; inspected; refunded; refused",
        "Within the deadline?; Is it damaged?; Refund by voucher?",
        "Find the order; Make the return label; Inspect the goods; Pay the money back; "
        "Put back on the shelf",
        "Rücksendungen; Zwroty klientów",
    ),
    _make_process(
        "customer record; customer records; CUS",
        "customer; master data; Rolodex; AddressCheck",
        "companyName; country; segment; creditLimit; reviewedOn",
        "draft; verified; active; blocked",
        "Already on file?; Address complete?; Credit limit needed?",
        "Look for duplicates; Tidy the address; Set the segment; Ask the credit agency; "
        "Tell the sales team",
        "Kundenstammdaten; Fichier clients",
    ),
    _make_process(
        "stock level; stock levels; STK",
        "warehouse; stock control; Shelfwise; SupplierPortal",
        "sku; location; batch; quantity; countedOn",
        "counted; compared; corrected; missing",
        "Below the minimum?; Count differs?; Is the batch blocked?",
        "Read the counts; Compare with the books; Correct the level; Order more; Block the batch",
        "Täglicher Lagerabgleich; Lageropgørelse på øerne",
    ),
    _make_process(
        "appointment; appointments; APT",
        "patient; front desk; Daybook; CalendarLink",
        "practice; doctor; purpose; minutes; takesPlaceOn",
        "asked; confirmed; kept; missed",
        "Slot still free?; First visit?; Reminder wanted?",
        "Find a free slot; Reserve the room; Send the reminder; Offer another day; "
        "Print the day sheet",
        "Terminvergabe für Praxen; Rendez-vous confirmés",
    ),
    _make_process(
        "subscription; subscriptions; SUB",
        "subscriber; billing; Renewly; CardDesk",
        "plan; currency; channel; monthlyFee; renewsOn",
        "trial; active; renewed; cancelled",
        "Card expired?; Trial over?; Discount agreed?",
        "Work the fee out; Charge the card; Send the receipt; Remind of the renewal; "
        "Close the account",
        "Abo-Verlängerung; Prenumerationer på nytt",
    ),
    _make_process(
        "meter reading; meter readings; MTR",
        "household; grid operations; Gridnote; MeterCloud",
        "meterNumber; tariff; street; kilowattHours; readOn",
        "reported; checked; billed; implausible",
        "Is it plausible?; Meter exchanged?; Reading estimated?",
        "Fetch the last reading; Estimate the use; Check for a leap; Hand over to billing; "
        "Ask for a photo",
        "Zählerstände prüfen; Relevés de compteurs",
    ),
    _make_process(
        "claim; claims; CLM",
        "policy holder; claims office; Safeharbour; ExpertPool",
        "policyNumber; damageKind; place; estimate; happenedOn",
        "filed; examined; settled; rejected",
        "Is it covered?; Expert needed?; Bodily injury?",
        "Find the policy; Read the photos; Choose an expert; Work the payment out; "
        "Write to the policy holder",
        "Schadenmeldungen; Déclarations de sinistre",
    ),
    _make_process(
        "timesheet; timesheets; TMS",
        "employee; payroll; Clockwork; PayBureau",
        "employeeNumber; department; activity; hours; workedOn",
        "open; submitted; approved; corrected",
        "Hours complete?; Overtime agreed?; Holiday in between?",
        "Collect the hours; Compare with the plan; Work overtime out; Ask for approval; "
        "Hand over to payroll",
        "Stundenzettel prüfen; Listy obecności",
    ),
    _make_process(
        "work order; work orders; WO",
        "technician; maintenance; Wrenchbox; PartsFinder",
        "machine; faultCode; hall; downtimeMinutes; plannedOn",
        "reported; planned; finished; postponed",
        "Spare part there?; Line standing still?; Under warranty?",
        "Read the fault code; Reserve the part; Plan the technician; Stop the line; "
        "Write the service report",
        "Wartungsaufträge; Údržba strojů",
    ),
    _make_process(
        "booking; bookings; BKG",
        "guest; reservations; Innkeeper; RoomMarket",
        "roomType; guestName; board; totalPrice; arrivesOn",
        "asked; confirmed; stayed; withdrawn",
        "Room free?; Deposit paid?; Late arrival?",
        "Block the room; Ask for the deposit; Send the door code; Write the welcome letter; "
        "Open the folio",
        "Zimmerbuchungen; Réservations d’été",
    ),
    _make_process(
        "lead; leads; LED",
        "prospect; inside sales; Pipeliner; FairScan",
        "company; campaign; interest; score; contactedOn",
        "captured; qualified; won; dropped",
        "Consent given?; Score high enough?; Already a customer?",
        "Guess the company; Work the score out; Assign to a seller; Send the brochure; Plan a call",
        "Messekontakte; Prospects à rappeler",
    ),
    _make_process(
        "quality check; quality checks; QC",
        "inspector; quality; Caliper; LabExchange",
        "lotNumber; feature; station; deviation; measuredOn",
        "planned; measured; passed; failed",
        "Within tolerance?; Third failure in a row?; Customer to be told?",
        "Read the measurements; Compare with the drawing; Block the lot; Make the certificate; "
        "Open a deviation",
        "Prüfprotokolle; Kontrola jakości",
    ),
)
