"""What Dutch customers say, by theme and mood: parts of comments, without a final full stop."""

OPENERS = {
    "good": (
        "Top!",
        "Heel tevreden.",
        "Complimenten hoor.",
        "Fijn.",
        "Wat een prettige ervaring.",
        "Niks op aan te merken.",
    ),
    "mixed": (
        "Het was oké.",
        "Kan beter.",
        "Gemengde gevoelens.",
        "Mwah.",
        "Best prima, maar niet geweldig.",
    ),
    "bad": (
        "Wat een teleurstelling.",
        "Echt slecht.",
        "Ik ben er klaar mee.",
        "Onacceptabel.",
        "Dit kan echt niet.",
        "Jammer.",
    ),
}
CLOSERS = {
    "good": ("Ik kom zeker terug", "Ga zo door", "Een aanrader", "Hier bestel ik vaker", "Dank jullie wel"),
    "mixed": (
        "Volgende keer hopelijk beter",
        "Daar valt nog wat te winnen",
        "Verder geen klachten",
        "Ik twijfel of ik terugkom",
    ),
    "bad": (
        "Dit was de laatste keer",
        "Ik wil graag dat iemand mij belt",
        "Graag een oplossing",
        "Ik ga naar een ander",
        "Niemand neemt verantwoordelijkheid",
    ),
}
CORES = {
    "web": {
        "good": (
            "Site werkt snel en ik vond meteen wat ik zocht",
            "Duidelijke productinformatie met goede foto's",
            "Zoeken en vergelijken gaat heel makkelijk",
            "De app is overzichtelijk",
        ),
        "mixed": (
            "De zoekfunctie geeft veel dingen die ik niet zoek",
            "Mooie site, maar de filters zijn onhandig",
            "De voorraad op de pagina klopte niet helemaal",
            "Inloggen moest twee keer",
        ),
        "bad": (
            "De site is traag en loopt steeds vast",
            "Ik kan nergens vinden of het op voorraad is",
            "Foto en werkelijkheid komen totaal niet overeen",
            "Inloggen lukt al dagen niet",
        ),
    },
    "checkout": {
        "good": (
            "Bestellen was in twee minuten gedaan",
            "Afrekenen ging vlot en zonder gedoe",
            "Heldere stappen bij het bestellen",
        ),
        "mixed": (
            "Bij het afrekenen moest ik mijn adres twee keer invullen",
            "De verzendkosten zag ik pas helemaal op het eind",
            "Kortingscode werkte pas bij de derde poging",
        ),
        "bad": (
            "Bij het afrekenen kreeg ik steeds een foutmelding",
            "Mijn winkelmandje was ineens leeg bij het afrekenen",
            "Afrekenen lukt gewoon niet, drie keer geprobeerd",
            "De bestelknop doet helemaal niets",
        ),
    },
    "payment": {
        "good": (
            "Betalen met iDEAL ging direct goed",
            "Achteraf betalen is erg handig",
            "Snel betaald en meteen een bevestiging",
        ),
        "mixed": (
            "De betaling bleef even hangen maar lukte uiteindelijk",
            "Ik miste mijn gebruikelijke betaalmethode",
        ),
        "bad": (
            "Betaling mislukt maar het geld is wel afgeschreven",
            "Er is twee keer afgeschreven",
            "Na het betalen kreeg ik een wit scherm en geen bevestiging",
        ),
    },
    "delivery": {
        "good": (
            "Netjes op tijd bezorgd",
            "De bezorger was vriendelijk en belde zelfs even",
            "Gisteren besteld, vandaag al in huis",
            "Track en trace klopte precies",
        ),
        "mixed": (
            "Een dag later dan beloofd, maar wel goed verpakt",
            "Pakket lag bij de buren terwijl ik gewoon thuis was",
            "Het tijdvak was wel erg ruim",
        ),
        "bad": (
            "Levering veel te laat",
            "Pakket nooit aangekomen en niemand weet waar het is",
            "De doos kwam helemaal ingedeukt aan",
            "Hele dag thuisgebleven voor niets",
        ),
    },
    "product": {
        "good": (
            "De {product} is precies zoals op de foto",
            "Heel blij met de {product}, mooie kwaliteit",
            "De {product} zat prachtig verpakt",
            "De {product} deed het meteen",
        ),
        "mixed": (
            "De {product} is prima, maar de handleiding is onduidelijk",
            "De kleur van de {product} valt wat tegen",
            "De {product} doet het, al had ik voor dit geld meer verwacht",
        ),
        "bad": (
            "De {product} was na een dag al kapot",
            "Er ontbrak een onderdeel bij de {product}",
            "Verkeerde {product} ontvangen",
            "De {product} voelt goedkoop aan",
        ),
    },
    "store": {
        "good": (
            "Deskundig en geduldig advies in de winkel",
            "Fijne winkel, alles goed te vinden",
            "De verkoper nam echt de tijd voor mij",
        ),
        "mixed": (
            "Mooie winkel, maar lang zoeken naar personeel",
            "Vriendelijk geholpen, wel een lange rij bij de kassa",
        ),
        "bad": (
            "Niemand in de winkel die mij wilde helpen",
            "Twintig minuten in de rij en toen ging de kassa dicht",
            "Speciaal naar de winkel gereden en het was er niet",
        ),
    },
    "support": {
        "good": (
            "Snel en vriendelijk geholpen door de klantenservice",
            "De medewerker loste het meteen op",
            "Ik kreeg iemand aan de lijn die echt luisterde",
        ),
        "mixed": (
            "Uiteindelijk geholpen, maar het duurde lang",
            "De chatbot begreep me niet, de medewerker daarna gelukkig wel",
            "Vriendelijk, alleen moest ik mijn verhaal drie keer doen",
        ),
        "bad": (
            "Al dagen wacht ik op antwoord van de klantenservice",
            "Van het kastje naar de muur gestuurd",
            "Drie kwartier in de wacht en toen werd opgehangen",
            "De chatbot blijft hetzelfde antwoord geven",
        ),
    },
    "returns": {
        "good": (
            "Retourneren was zo geregeld",
            "Binnen twee dagen had ik mijn geld terug",
            "Ruilen ging heel soepel",
        ),
        "mixed": ("Retour lukte, maar het label moest ik zelf printen", "Geld kwam na ruim een week terug"),
        "bad": (
            "Ik wacht al drie weken op mijn geld",
            "Mijn retour is zogenaamd nooit aangekomen",
            "Retourneren wordt expres moeilijk gemaakt",
        ),
    },
    "loyalty": {
        "good": (
            "Leuke extra's voor vaste klanten",
            "Spaarpunten inwisselen ging vanzelf",
            "De nieuwsbrief heeft echt goede aanbiedingen",
        ),
        "mixed": (
            "Wel erg veel mails de laatste tijd",
            "Sparen is leuk, maar het duurt lang voor je iets hebt",
        ),
        "bad": (
            "Mijn spaarpunten zijn zomaar verdwenen",
            "Ik heb me al drie keer afgemeld voor die mails",
            "Nieuwe klanten krijgen meer korting dan vaste klanten",
        ),
    },
    "work": {
        "good": (
            "Fijn team en ik kan klanten echt helpen",
            "We krijgen de ruimte om dingen zelf op te lossen",
        ),
        "mixed": ("Leuk werk, maar de systemen zijn traag", "Het rooster komt vaak te laat"),
        "bad": ("De werkdruk is te hoog", "We krijgen de klachten, maar mogen niets oplossen"),
    },
}
TROUBLE = (
    "{touchpoint} ligt er al uren uit",
    "Al de hele dag problemen met {touchpoint}",
    "Weer een storing bij {touchpoint}",
)
ASIDES = {
    "bargain-hunter": (
        "De prijs was wel scherp",
        "Voor die prijs moet je niet te veel verwachten",
        "Elders was het een paar euro goedkoper",
    ),
    "loyal-regular": ("Ik ben hier al jaren klant", "Zo ken ik jullie", "Ik koop hier bijna elke maand"),
    "anxious-first-timer": (
        "Het was mijn eerste bestelling hier",
        "Ik vond het best spannend om online te bestellen",
    ),
    "business-buyer": (
        "Voor ons kantoor besteld",
        "Wij rekenen op levering onder werktijd",
        "Factuur graag met inkoopnummer",
    ),
    "digital-sceptic": ("Ik spreek liever een mens", "Van die apps moet ik niet veel hebben"),
    "trend-seeker": ("Gezien via een filmpje", "Staat al op mijn stories"),
}
TITLES = {
    "good": ("Topservice", "Zeer tevreden", "Aanrader", "Snel en goed", "Fijne winkel"),
    "mixed": ("Redelijk", "Kan beter", "Prima, met kanttekening", "Wisselend"),
    "bad": ("Nooit meer", "Teleurgesteld", "Slechte ervaring", "Let op!", "Waardeloze service"),
}
SEEN = {
    "good": (
        "Klant bedankte ons uitgebreid",
        "Klant ging lachend weg",
        "Klant vertelde dat een vriend ons had aangeraden",
    ),
    "mixed": (
        "Klant had haast en wilde niet wachten",
        "Klant vroeg naar een artikel dat we niet meer hebben",
        "Klant twijfelde zichtbaar",
    ),
    "bad": (
        "Klant was zichtbaar boos",
        "Klant liep weg zonder te kopen",
        "Klant zei naar een ander te gaan",
        "Klant was in tranen",
    ),
}
